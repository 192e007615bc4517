select
    service_id,
    service_idx
from {{ ref('dim_services') }}
