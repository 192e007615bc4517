{%- set measures = {
    'first_sold_at': 'min(occurred_at) filter (where is_known and not is_refund)',
} -%}
with

sales as (

    {{ side_by_side(ref('int_events_by_fold'), ['service_idx'], measures) }}

),

first_sales as (

    {{ one_row_per_fold(
        'sales', ['service_idx'], measures, is_seen='first_sold_at is not null'
    ) }}

)

select
    services.fold,
    services.cutoff_at,
    services.service_idx,
    services.partner_id,
    -- A service whose launch nobody stated is on sale once somebody bought it. Sales that the
    -- fold must not know of do not count.
    coalesce(services.launched_at, first_sales.first_sold_at) as sold_from_at,
    services.withdrawn_at,
    services.are_limits_unreadable,
    services.is_offered,
    first_sales.first_sold_at as known_at
from {{ ref('int_services_by_fold') }} as services
left join first_sales
    on
        services.service_idx = first_sales.service_idx
        and services.fold = first_sales.fold
