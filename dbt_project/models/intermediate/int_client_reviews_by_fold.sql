select
    fold,
    client_idx,
    count(*) as review_count,
    {{ ratio(exact_sum('rating'), 'count(*)') }} as mean_rating,
    max(known_at) as known_at
from {{ ref('int_client_ratings_by_fold') }}
group by fold, client_idx
