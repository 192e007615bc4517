with

events as (

    select
        *,
        {{ start_of_day('occurred_at') }} as day_at
    from {{ ref('int_events_by_fold') }}

),

activity as (

    select
        fold,
        client_id,
        count(*) as event_count,
        count(*) filter (where not is_refund) as purchase_count,
        count(*) filter (where event_kind = 'discounted_purchase') as discounted_count,
        count(*) filter (where {{ is_weekend('occurred_at') }}) as weekend_count,
        count(*) filter (where extract(hour from occurred_at) >= 17) as evening_count,
        count(distinct day_at) as active_day_count,
        count(distinct case when age_days <= 30 then day_at end) as active_day_count_30d,
        count(distinct case when age_days <= 90 then day_at end) as active_day_count_90d,
        greatest({{ exact_sum('net_amount') }}, 0) as spend,
        greatest({{ exact_sum('net_amount', 'age_days <= 30') }}, 0) as spend_30d,
        greatest({{ exact_sum('net_amount', 'age_days <= 90') }}, 0) as spend_90d,
        {{ days_between('min(day_at)', 'max(day_at)') }} as days_first_to_last,
        max(age_days) as days_since_first,
        min(age_days) as days_since_last,
        max(occurred_at) as known_at
    from events
    group by fold, client_id

)

select
    activity.fold,
    clients.client_idx,
    activity.event_count,
    activity.purchase_count,
    activity.discounted_count,
    activity.weekend_count,
    activity.evening_count,
    activity.active_day_count,
    activity.active_day_count_30d,
    activity.active_day_count_90d,
    activity.spend,
    activity.spend_30d,
    activity.spend_90d,
    activity.days_first_to_last,
    activity.days_since_first,
    activity.days_since_last,
    activity.known_at
from activity
inner join {{ ref('dim_clients') }} as clients
    on activity.client_id = clients.client_id
