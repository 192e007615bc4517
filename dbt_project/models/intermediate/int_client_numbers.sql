select
    client_id,
    client_idx
from {{ ref('dim_clients') }}
