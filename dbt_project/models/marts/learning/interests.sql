select
    interests.fold,
    clients.client_idx,
    services.service_idx,
    interests.weight,
    cast(interests.event_count as int) as event_count,
    cast(interests.cart_count as int) as cart_count,
    interests.known_at
from {{ ref('int_interests_by_fold') }} as interests
inner join {{ ref('dim_clients') }} as clients
    on interests.client_id = clients.client_id
inner join {{ ref('dim_services') }} as services
    on interests.service_id = services.service_id
