{%- set decayed_weight -%}
    {{ half_life_decay('age_days', var('interest_half_life_days')) }}
    * case event_type
        when 'cart' then {{ var('cart_weight') }}
        when 'search' then {{ var('search_weight') }}
        else {{ var('view_weight') }}
    end
{%- endset -%}
{%- set keys = ['client_idx', 'service_idx'] -%}
{%- set measures = {
    'event_count': 'count(*) filter (where is_known)',
    'cart_count': "count(*) filter (where is_known and event_type = 'cart')",
    'decayed_weight': exact_sum(decayed_weight, 'is_known'),
    'known_at': 'max(occurred_at) filter (where is_known)',
} -%}
with

pairs as (

    {{ side_by_side(
        ref('int_web_events_by_fold'), keys, measures, condition='service_idx is not null'
    ) }}

),

pairs_by_fold as (

    {{ one_row_per_fold('pairs', keys, measures) }}

)

select
    fold,
    client_idx,
    service_idx,
    event_count,
    cart_count,
    -- The floor keeps old interest positive: a stored zero is lost to a sparse matrix.
    greatest({{ ln_1p('decayed_weight') }}, 0.000001) as weight,
    known_at
from pairs_by_fold
