with

events as (

    select
        *,
        extract(quarter from occurred_at) as quarter_number,
        case when not is_refund then net_amount / net_quantity end as unit_price
    from {{ ref('int_events_by_fold') }}

),

demand as (

    select
        fold,
        service_id,
        count(*) as event_count,
        count(*) filter (where is_refund) as refund_count,
        count(*) filter (where not is_refund) as purchase_count,
        count(*) filter (where not is_refund and age_days <= 30) as purchase_count_30d,
        count(*) filter (where not is_refund and age_days <= 90) as purchase_count_90d,
        count(*) filter (where event_kind = 'discounted_purchase') as discounted_count,
        {% for quarter in [1, 2, 3, 4] -%}
            count(*) filter (
                where not is_refund and quarter_number = {{ quarter }}
            ) as purchase_count_q{{ quarter }},
        {% endfor -%}
        count(
            distinct case when not is_refund and age_days <= 30 then client_id end
        ) as buyer_count_30d,
        {{ quantile('unit_price', 0.5) }} as median_price,
        max(age_days) as days_since_first,
        max(occurred_at) as known_at
    from events
    group by fold, service_id

)

select
    demand.fold,
    services.service_idx,
    demand.event_count,
    demand.refund_count,
    demand.purchase_count,
    demand.purchase_count_30d,
    demand.purchase_count_90d,
    demand.discounted_count,
    demand.purchase_count_q1,
    demand.purchase_count_q2,
    demand.purchase_count_q3,
    demand.purchase_count_q4,
    demand.buyer_count_30d,
    demand.median_price,
    demand.days_since_first,
    demand.known_at
from demand
inner join {{ ref('dim_services') }} as services
    on demand.service_id = services.service_id
