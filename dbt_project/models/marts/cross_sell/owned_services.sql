select
    clients.client_id,
    services.service_id,
    services.service_name,
    services.partner_id,
    interactions.purchase_count,
    interactions.last_purchased_at
from {{ ref('interactions') }} as interactions
inner join {{ ref('dim_clients') }} as clients
    on interactions.client_idx = clients.client_idx
inner join {{ ref('dim_services') }} as services
    on interactions.service_idx = services.service_idx
where interactions.fold = 'serving'
