select
    event_kind,
    count(*) as event_count,
    count(distinct client_id) as client_count,
    count(distinct service_id) as service_count,
    min(occurred_at) as first_event_at,
    max(occurred_at) as last_event_at
from {{ ref('fct_interactions') }}
group by event_kind
