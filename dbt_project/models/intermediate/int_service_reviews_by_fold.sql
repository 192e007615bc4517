select
    ratings.fold,
    services.service_idx,
    count(*) as review_count,
    {{ ratio(exact_sum('ratings.rating'), 'count(*)') }} as mean_rating,
    max(ratings.known_at) as known_at
from {{ ref('int_client_ratings_by_fold') }} as ratings
inner join {{ ref('dim_services') }} as services
    on ratings.service_id = services.service_id
group by ratings.fold, services.service_idx
