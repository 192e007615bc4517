{%- set decayed_weight -%}
    {{ half_life_decay('age_days', var('interest_half_life_days')) }}
    * case event_type
        when 'cart' then {{ var('cart_weight') }}
        when 'search' then {{ var('search_weight') }}
        else {{ var('view_weight') }}
    end
{%- endset -%}
{%- set measures = {
    'event_count': 'count(*) filter (where is_known)',
    'cart_count': "count(*) filter (where is_known and event_type = 'cart')",
    'decayed_weight': exact_sum(decayed_weight, 'is_known'),
    'known_at': 'max(occurred_at) filter (where is_known)',
} -%}
with

pairs as (

    {{ side_by_side(
        ref('int_web_events_by_fold'), ['client_idx', 'service_idx'], measures,
        condition='service_idx is not null',
    ) }}

)

select
    {% for fold in folds() -%}
        cast(event_count_{{ fold }} as int) as event_count_{{ fold }},
        cast(cart_count_{{ fold }} as int) as cart_count_{{ fold }},
        -- The floor keeps old interest positive: a stored zero is lost to a sparse matrix.
        case
            when known_at_{{ fold }} is not null
                then greatest({{ ln_1p('decayed_weight_' ~ fold) }}, 0.000001)
        end as weight_{{ fold }},
        known_at_{{ fold }},
    {% endfor -%}
    client_idx,
    service_idx
from pairs
