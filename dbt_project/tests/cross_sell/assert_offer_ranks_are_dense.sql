-- Ranks of a client run from 1 to the number of offers. That no rank comes twice is its own test.
select
    client_id,
    count(*) as offer_count,
    min(offer_rank) as first_rank,
    max(offer_rank) as last_rank
from {{ ref('cross_sell_scores') }}
group by client_id
having
    min(offer_rank) <> 1
    or max(offer_rank) <> count(*)
