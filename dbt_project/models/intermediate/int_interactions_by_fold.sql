{%- set decayed_weight -%}
    {{ half_life_decay('age_days', var('interaction_half_life_days')) }}
    * case event_kind
        when 'purchase' then {{ var('purchase_weight') }}
        when 'discounted_purchase' then {{ var('discounted_purchase_weight') }}
        else 0
    end
{%- endset -%}
{%- set keys = ['client_idx', 'service_idx'] -%}
{%- set measures = {
    'net_quantity': exact_sum('net_quantity', 'is_known'),
    'bought_quantity': exact_sum('net_quantity', 'is_known and not is_refund'),
    'purchase_count': 'cast(count(*) filter (where is_known and not is_refund) as int)',
    'first_purchased_at': 'min(occurred_at) filter (where is_known and not is_refund)',
    'last_purchased_at': 'max(occurred_at) filter (where is_known and not is_refund)',
    'amount': exact_sum('net_amount', 'is_known'),
    'decayed_weight': exact_sum(decayed_weight, 'is_known'),
    'known_at': 'max(occurred_at) filter (where is_known)',
} -%}
with

pairs as (

    {{ side_by_side(ref('int_events_by_fold'), keys, measures) }}

),

-- Fully refunded is not used, and not owned.
uses as (

    {{ one_row_per_fold(
        'pairs', keys, measures, is_seen='net_quantity > 0 and purchase_count > 0'
    ) }}

),

ratings as (

    select * from {{ ref('int_client_ratings_by_fold') }}

)

select
    uses.fold,
    uses.client_idx,
    uses.service_idx,
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
        and uses.client_idx = ratings.client_idx
        and uses.service_idx = ratings.service_idx
