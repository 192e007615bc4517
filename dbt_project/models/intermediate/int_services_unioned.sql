with

delivered_services as (

    select * from {{ ref('stg_services') }}

),

deliveries as (

    select * from {{ ref('int_deliveries') }}
    where entity = 'services'

),

-- Partners who sell but deliver no catalogue: whatever they sold is a service.
scopes_without_services as (

    select scopes.source_partner_id
    from {{ ref('stg_transaction_scopes') }} as scopes
    where
        not exists (
            select 1 as is_there
            from delivered_services
            where delivered_services.source_partner_id is not distinct from scopes.source_partner_id
        )

),

ids_of_events as (

    {{ ids_of_scopes(
        'transactions', ['transaction_id'], 'service_id', 'scopes_without_services', is_given_back()
    ) }}

),

derived_services as (

    select
        service_id,
        min(source_partner_id) as source_partner_id
    from ids_of_events
    group by service_id

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
    {{ is_unreadable('launched_at') }}
    or {{ is_unreadable('withdrawn_at') }}
    or {{ is_unreadable('regions') }}
    or {{ is_unreadable('min_age') }}
    or {{ is_unreadable('max_age') }}
    or {{ is_unreadable('is_offered') }} as are_limits_unreadable,
    is_offered,
    updated_at,
    loaded_at,
    false as is_derived
from delivered_services

union all

select
    services.service_id,
    services.source_partner_id,
    services.source_partner_id as partner_id,
    -- The id as the partner knows it: what follows '<partner>:'.
    case
        when services.source_partner_id is null then services.service_id
        else substring(services.service_id, length(services.source_partner_id) + 2)
    end as service_name,
    null as service_category,
    null as typical_price,
    null as margin_rate,
    null as private_label_share,
    false as is_repeatable,
    null as launched_at,
    null as withdrawn_at,
    null as regions,
    null as min_age,
    null as max_age,
    -- The partner delivers services, and none of them could be read.
    deliveries.partner_id is not null as are_limits_unreadable,
    null as is_offered,
    null as updated_at,
    null as loaded_at,
    true as is_derived
from derived_services as services
left join deliveries on services.source_partner_id = deliveries.partner_id
