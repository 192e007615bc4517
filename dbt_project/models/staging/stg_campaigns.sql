with

renamed as (

    select
        {{ scoped_id('campaign_id') }} as campaign_id,
        campaign_type,
        started_at,
        ended_at,
        source_file,
        source_line,
        loaded_at
    from {{ source('raw', 'campaigns') }}

),

deduplicated as (

    select
        campaign_id,
        campaign_type,
        started_at,
        ended_at,
        loaded_at
    from renamed
    where campaign_id is not null
    qualify row_number() over (
        partition by campaign_id
        order by {{ newest_first([
            'campaign_type',
            'started_at',
            'ended_at',
        ]) }}
    ) = 1

)

select
    campaign_id,
    campaign_type,
    started_at,
    ended_at,
    loaded_at
from deduplicated
