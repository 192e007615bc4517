-- What each client last said about each service.
select
    reviews.fold,
    clients.client_idx,
    services.service_idx,
    reviews.rating,
    reviews.reviewed_at as known_at
from {{ ref('int_reviews_by_fold') }} as reviews
inner join {{ ref('int_client_numbers') }} as clients
    on reviews.client_id = clients.client_id
inner join {{ ref('int_service_numbers') }} as services
    on reviews.service_id = services.service_id
qualify row_number() over (
    partition by reviews.fold, clients.client_idx, services.service_idx
    order by reviews.reviewed_at desc, reviews.review_id asc
) = 1
