with

renamed as (

    select
        {{ clean_id('partner_id') }} as partner_id,
        coalesce(partner_name, partner_id) as partner_name,
        coalesce(is_active, true) as is_active,
        loaded_at
    from {{ source('raw', 'partners') }}

),

deduplicated as (

    select
        partner_id,
        partner_name,
        is_active,
        loaded_at
    from renamed
    where partner_id is not null
    qualify row_number() over (
        partition by partner_id
        order by {{ newest_first([
            'partner_name',
            'is_active',
        ]) }}
    ) = 1

)

select
    partner_id,
    partner_name,
    is_active,
    loaded_at
from deduplicated
