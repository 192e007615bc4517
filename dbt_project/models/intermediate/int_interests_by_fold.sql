with

weighted_events as (

    select
        *,
        {{ half_life_decay('age_days', var('interest_half_life_days')) }}
        * case event_type
            when 'cart' then {{ var('cart_weight') }}
            when 'search' then {{ var('search_weight') }}
            else {{ var('view_weight') }}
        end as decayed_weight
    from {{ ref('int_web_events_by_fold') }}
    where service_id is not null

)

select
    fold,
    client_id,
    service_id,
    count(*) as event_count,
    count(*) filter (where event_type = 'cart') as cart_count,
    -- The floor keeps old interest positive: a stored zero is lost to a sparse matrix.
    greatest(
        {{ ln_1p(exact_sum('decayed_weight')) }},
        0.000001
    ) as weight,
    max(occurred_at) as known_at
from weighted_events
group by fold, client_id, service_id
