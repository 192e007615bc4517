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
        is_offered,
        updated_at,
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
        is_offered,
        updated_at,
        loaded_at
    from renamed
    where service_id is not null
    qualify row_number() over (
        partition by service_id
        order by {{ newest_first([
            'partner_id',
            'service_name',
            'service_category',
            'typical_price',
            'margin_rate',
            'private_label_share',
            'is_repeatable',
            'launched_at',
            'withdrawn_at',
            'regions',
            'min_age',
            'max_age',
            'is_offered',
            'updated_at',
            'source_partner_id',
        ]) }}
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
    is_offered,
    updated_at,
    loaded_at
from deduplicated
