with

windows as (

    select * from {{ ref('training_windows') }}

),

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
    windows.fold,
    windows.cutoff_at,
    services.service_idx,
    services.partner_id,
    -- A service whose launch nobody stated is on sale once somebody bought it. Sales that the
    -- fold must not know of do not count.
    coalesce(services.launched_at, first_sales.first_sold_at) as sold_from_at,
    services.withdrawn_at,
    first_sales.first_sold_at as known_at
from {{ ref('dim_services') }} as services
cross join windows
left join first_sales
    on
        services.service_id = first_sales.service_id
        and windows.fold = first_sales.fold
