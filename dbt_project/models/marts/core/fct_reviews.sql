select
    review_id,
    client_id,
    service_id,
    rating,
    reviewed_at
from {{ ref('int_reviews_classified') }}
where rejection_reason is null
