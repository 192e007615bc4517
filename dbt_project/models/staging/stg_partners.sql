with

renamed as (

    select
        {{ clean_id('partner_id') }} as partner_id,
        coalesce(partner_name, partner_id) as partner_name,
        -- Whether a partner takes part is not to be guessed where it could not be read.
        coalesce(is_active, not {{ is_unreadable('is_active') }}) as is_active,
        source_file,
        source_line,
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
        ], strictest=['is_active asc nulls last']) }}
    ) = 1

)

select
    partner_id,
    partner_name,
    is_active,
    loaded_at
from deduplicated
