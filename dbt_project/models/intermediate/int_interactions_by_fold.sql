{%- set decayed_weight -%}
    {{ half_life_decay('age_days', var('interaction_half_life_days')) }}
    * case event_kind
        when 'purchase' then {{ var('purchase_weight') }}
        when 'discounted_purchase' then {{ var('discounted_purchase_weight') }}
        else 0
    end
{%- endset -%}
{%- set measures = {
    'net_quantity': exact_sum('net_quantity', 'is_known'),
    'bought_quantity': exact_sum('net_quantity', 'is_known and not is_refund'),
    'purchase_count': 'cast(count(*) filter (where is_known and not is_refund) as int)',
    'first_purchased_at': 'min(occurred_at) filter (where is_known and not is_refund)',
    'last_purchased_at': 'max(occurred_at) filter (where is_known and not is_refund)',
    'paid_amount': exact_sum('net_amount', 'is_known and not is_refund'),
    'amount': exact_sum('net_amount', 'is_known'),
    'decayed_weight': exact_sum(decayed_weight, 'is_known'),
    'known_at': 'max(occurred_at) filter (where is_known)',
} -%}
{%- set kept_measures = [
    'net_quantity', 'purchase_count', 'first_purchased_at', 'last_purchased_at', 'amount', 'weight',
    'known_at',
] -%}
{%- set is_used_in_any = 'is_used_' ~ folds() | join(' or is_used_') -%}
with

pairs as (

    {{ side_by_side(ref('int_events_by_fold'), ['client_idx', 'service_idx'], measures) }}

),

ratings as (

    select
        {% for fold in folds() -%}
            max(case when fold = '{{ fold }}' then rating end) as rating_{{ fold }},
            max(case when fold = '{{ fold }}' then known_at end) as rated_at_{{ fold }},
        {% endfor -%}
        client_idx,
        service_idx
    from {{ ref('int_client_ratings_by_fold') }}
    group by client_idx, service_idx

),

rated_pairs as (

    select
        {% for fold in folds() -%}
            {%- set net_quantity = 'pairs.net_quantity_' ~ fold -%}
            {%- set kept_weight = 'pairs.decayed_weight_' ~ fold ~ ' * ' ~ net_quantity
                ~ ' / pairs.bought_quantity_' ~ fold -%}
            -- Fully refunded is not used, and not owned.
            {%- set kept = has_kept(
                net_quantity, 'pairs.paid_amount_' ~ fold, 'pairs.amount_' ~ fold
            ) %}
            coalesce({{ kept }} and pairs.purchase_count_{{ fold }} > 0, false)
                as is_used_{{ fold }},
            -- Refunds take back their share of the purchases, and a rating says how the use was
            -- liked. The floor keeps very old purchases positive: a stored zero is neither a
            -- positive nor a negative to a model.
            greatest(
                {{ ln_1p(kept_weight) }}
                * (1 + {{ var('review_weight') }} * coalesce(ratings.rating_{{ fold }} - 3, 0) / 2),
                0.000001
            ) as weight_{{ fold }},
            greatest(
                pairs.known_at_{{ fold }},
                coalesce(ratings.rated_at_{{ fold }}, pairs.known_at_{{ fold }})
            ) as known_at_{{ fold }},
            pairs.net_quantity_{{ fold }},
            pairs.purchase_count_{{ fold }},
            pairs.first_purchased_at_{{ fold }},
            pairs.last_purchased_at_{{ fold }},
            pairs.amount_{{ fold }},
        {% endfor -%}
        pairs.client_idx,
        pairs.service_idx
    from pairs
    left join ratings
        on
            pairs.client_idx = ratings.client_idx
            and pairs.service_idx = ratings.service_idx

)

select
    {% for fold in folds() -%}
        {%- for measure in kept_measures -%}
            case when is_used_{{ fold }} then {{ measure }}_{{ fold }} end
                as {{ measure }}_{{ fold }},
        {% endfor -%}
    {% endfor -%}
    client_idx,
    service_idx
from rated_pairs
where {{ is_used_in_any }}
