with

renamed as (

    select
        {{ scoped_id('campaign_id') }} as campaign_id,
        {{ scoped_id('client_id') }} as client_id,
        contacted_at,
        responded_at,
        coalesce(is_control, false) as is_control,
        loaded_at
    from {{ source('raw', 'campaign_contacts') }}

),

deduplicated as (

    select
        campaign_id,
        client_id,
        contacted_at,
        responded_at,
        is_control,
        loaded_at
    from renamed
    where campaign_id is not null and client_id is not null
    qualify row_number() over (
        partition by campaign_id, client_id
        order by {{ newest_first([
            'contacted_at',
            'responded_at',
            'is_control',
        ]) }}
    ) = 1

)

select
    campaign_id,
    client_id,
    contacted_at,
    responded_at,
    is_control,
    loaded_at
from deduplicated
