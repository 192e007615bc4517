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

),

ratings as (

    select * from {{ ref('int_client_ratings_by_fold') }}

)

select
    uses.fold,
    uses.client_id,
    uses.service_id,
    uses.net_quantity,
    uses.purchase_count,
    uses.first_purchased_at,
    uses.last_purchased_at,
    uses.amount,
    -- Refunds take back their share of the purchases, and a rating says how the use was liked.
    -- The floor keeps very old purchases positive: a stored zero is neither a positive nor a
    -- negative to a model.
    greatest(
        {{ ln_1p('uses.decayed_weight * uses.net_quantity / uses.bought_quantity') }}
        * (1 + {{ var('review_weight') }} * coalesce(ratings.rating - 3, 0) / 2),
        0.000001
    ) as weight,
    greatest(uses.known_at, coalesce(ratings.known_at, uses.known_at)) as known_at
from uses
left join ratings
    on
        uses.fold = ratings.fold
        and uses.client_id = ratings.client_id
        and uses.service_id = ratings.service_id
-- Fully refunded is not used, and not owned.
where
    uses.net_quantity > 0
    and uses.purchase_count > 0
