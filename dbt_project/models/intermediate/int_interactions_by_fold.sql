with

events as (

    select * from {{ ref('int_events_by_fold') }}

),

weighted_events as (

    select
        *,
        {{ half_life_decay('age_days', var('interaction_half_life_days')) }}
        * case event_kind
            when 'purchase' then {{ var('purchase_weight') }}
            when 'discounted_purchase' then {{ var('discounted_purchase_weight') }}
            else 0
        end as decayed_weight
    from events

),

uses as (

    select
        fold,
        client_id,
        service_id,
        {{ exact_sum('net_quantity') }} as net_quantity,
        {{ exact_sum('net_quantity', 'not is_refund') }} as bought_quantity,
        cast(count(*) filter (where not is_refund) as int) as purchase_count,
        min(occurred_at) filter (where not is_refund) as first_purchased_at,
        max(occurred_at) filter (where not is_refund) as last_purchased_at,
        {{ exact_sum('net_amount') }} as amount,
        {{ exact_sum('decayed_weight') }} as decayed_weight,
        max(occurred_at) as known_at
    from weighted_events
    group by fold, client_id, service_id

)

select
    fold,
    client_id,
    service_id,
    net_quantity,
    purchase_count,
    first_purchased_at,
    last_purchased_at,
    amount,
    -- Refunds take back their share of the purchases. The floor keeps very old purchases
    -- positive: a stored zero is neither a positive nor a negative to a model.
    greatest(
        {{ ln_1p('decayed_weight * net_quantity / bought_quantity') }},
        0.000001
    ) as weight,
    known_at
from uses
-- Fully refunded is not used, and not owned.
where
    net_quantity > 0
    and purchase_count > 0
