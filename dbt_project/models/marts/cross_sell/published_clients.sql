{#- Readers know it as dim_clients: what is published is a part of core.dim_clients. -#}
{{ config(alias='dim_clients') }}
select client_id
from {{ ref('dim_clients') }}
