-- Sums by place in the list and partner, from which every figure of offers but the bins adds up.
with

offers as (

    select
        *,
        case when is_converted then 1 else 0 end as outcome,
        -- A probability of 0 or 1 that proves wrong would make the sum infinite.
        least(greatest(probability, 0.000000000000001), 1 - 0.000000000000001) as likelihood
    from {{ ref('int_past_offers') }}

)

select
    run_id,
    partner_id,
    offer_rank,
    count(*) as offer_count,
    cast(sum(outcome) as bigint) as conversion_count,
    {{ exact_sum('probability') }} as probability_sum,
    {{ exact_sum('(probability - outcome) * (probability - outcome)') }} as squared_error_sum,
    {{ exact_sum('-ln(case when is_converted then likelihood else 1 - likelihood end)') }}
        as log_loss_sum
from offers
group by run_id, partner_id, offer_rank
