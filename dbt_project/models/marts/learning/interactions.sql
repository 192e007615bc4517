select
    uses.fold,
    clients.client_idx,
    services.service_idx,
    uses.weight,
    uses.purchase_count,
    uses.amount,
    uses.first_purchased_at,
    uses.last_purchased_at,
    uses.known_at
from {{ ref('int_interactions_by_fold') }} as uses
inner join {{ ref('dim_clients') }} as clients
    on uses.client_id = clients.client_id
inner join {{ ref('dim_services') }} as services
    on uses.service_id = services.service_id
