select
    event_id,
    client_id,
    service_id,
    event_type,
    search_text,
    occurred_at
from {{ ref('int_web_events_classified') }}
where rejection_reason is null
