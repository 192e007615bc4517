select
    fold,
    client_idx,
    service_idx,
    weight,
    purchase_count,
    amount,
    first_purchased_at,
    last_purchased_at,
    known_at
from {{ ref('int_interactions_by_fold') }}
