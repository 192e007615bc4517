with

events as (

    select * from {{ ref('int_events_by_fold') }}

)

select
    fold,
    service_id,
    count(*) as event_count,
    count(*) filter (where is_refund) as refund_count,
    count(*) filter (where not is_refund) as purchase_count,
    count(*) filter (where not is_refund and age_days <= 30) as purchase_count_30d,
    count(*) filter (where not is_refund and age_days <= 90) as purchase_count_90d,
    count(*) filter (where event_kind = 'discounted_purchase') as discounted_count,
    {% for quarter in [1, 2, 3, 4] %}
        count(*) filter (where not is_refund and extract(quarter from occurred_at) = {{ quarter }}) as purchase_count_q{{ quarter }},
    {% endfor %}
    count(distinct case when not is_refund and age_days <= 30 then client_id end) as buyer_count_30d,
    {{ quantile('case when not is_refund then net_amount / net_quantity end', 0.5) }} as median_price,
    max(age_days) as days_since_first,
    max(occurred_at) as known_at,
from events
group by fold, service_id
