-- What each client last said about each service.
select
    fold,
    client_id,
    service_id,
    rating,
    reviewed_at as known_at
from {{ ref('int_reviews_by_fold') }}
qualify row_number() over (
    partition by fold, client_id, service_id
    order by reviewed_at desc, review_id asc
) = 1
