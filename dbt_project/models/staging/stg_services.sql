with

renamed as (

    select
        {{ scoped_id('service_id') }} as service_id,
        {{ clean_id('source_partner_id') }} as source_partner_id,
        coalesce({{ clean_id('partner_id') }}, {{ clean_id('source_partner_id') }}) as partner_id,
        coalesce(service_name, service_id) as service_name,
        service_category,
        {{ finite_or_null('typical_price') }} as typical_price,
        {{ finite_or_null('margin_rate') }} as margin_rate,
        {{ finite_or_null('private_label_share') }} as private_label_share,
        coalesce(is_repeatable, false) as is_repeatable,
        launched_at,
        withdrawn_at,
        regions,
        min_age,
        max_age,
        unread_columns,
        is_offered,
        updated_at,
        source_file,
        source_line,
        loaded_at
    from {{ source('raw', 'services') }}

),

deduplicated as (

    select
        service_id,
        source_partner_id,
        partner_id,
        service_name,
        service_category,
        typical_price,
        margin_rate,
        private_label_share,
        is_repeatable,
        launched_at,
        withdrawn_at,
        regions,
        min_age,
        max_age,
        unread_columns,
        is_offered,
        updated_at,
        loaded_at
    from renamed
    where service_id is not null
    qualify row_number() over (
        partition by service_id
        -- What is withdrawn, or meant for fewer, is not offered to more.
        order by {{ newest_first(
            [
                'partner_id',
                'service_name',
                'service_category',
                'typical_price',
                'margin_rate',
                'private_label_share',
                'is_repeatable',
                'launched_at',
                'regions',
            ],
            stated_at='updated_at',
            strictest=[
                'withdrawn_at asc nulls last',
                'min_age desc nulls last',
                'max_age asc nulls last',
                'is_offered asc nulls last',
            ],
        ) }}
    ) = 1

)

select
    service_id,
    source_partner_id,
    partner_id,
    service_name,
    service_category,
    typical_price,
    margin_rate,
    private_label_share,
    is_repeatable,
    launched_at,
    withdrawn_at,
    regions,
    min_age,
    max_age,
    unread_columns,
    is_offered,
    updated_at,
    loaded_at
from deduplicated
