with

demand as (

    select
        fold,
        service_id,
        count(*) as event_count,
        count(*) filter (where event_type = 'cart') as cart_count,
        count(*) filter (where age_days <= 30) as event_count_30d,
        max(occurred_at) as known_at
    from {{ ref('int_web_events_by_fold') }}
    where service_id is not null
    group by fold, service_id

)

select
    demand.fold,
    services.service_idx,
    demand.event_count,
    demand.cart_count,
    demand.event_count_30d,
    demand.known_at
from demand
inner join {{ ref('dim_services') }} as services
    on demand.service_id = services.service_id
