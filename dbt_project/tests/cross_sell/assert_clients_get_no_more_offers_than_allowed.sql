select
    client_id,
    count(*) as offer_count
from {{ ref('cross_sell_scores') }}
group by client_id
having count(*) > {{ var('offers_per_client') }}
