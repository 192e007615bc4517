select
    fold,
    client_idx,
    service_idx,
    weight,
    cast(event_count as int) as event_count,
    cast(cart_count as int) as cart_count,
    known_at
from {{ ref('int_interests_by_fold') }}
