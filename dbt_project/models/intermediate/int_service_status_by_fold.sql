with

first_sales as (

    select
        fold,
        service_id,
        min(occurred_at) as first_sold_at
    from {{ ref('int_events_by_fold') }}
    where not is_refund
    group by fold, service_id

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
    first_sales.first_sold_at as known_at
from {{ ref('int_services_by_fold') }} as services
left join first_sales
    on
        services.service_id = first_sales.service_id
        and services.fold = first_sales.fold
