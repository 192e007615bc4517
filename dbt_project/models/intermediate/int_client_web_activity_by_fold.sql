with

activity as (

    select
        fold,
        client_id,
        count(*) as event_count,
        count(*) filter (where event_type = 'cart') as cart_count,
        count(*) filter (where age_days <= 30) as event_count_30d,
        min(age_days) as days_since_last,
        max(occurred_at) as known_at
    from {{ ref('int_web_events_by_fold') }}
    group by fold, client_id

)

select
    activity.fold,
    clients.client_idx,
    activity.event_count,
    activity.cart_count,
    activity.event_count_30d,
    activity.days_since_last,
    activity.known_at
from activity
inner join {{ ref('dim_clients') }} as clients
    on activity.client_id = clients.client_id
