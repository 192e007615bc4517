{#- The gate for web events; see int_events_by_fold. -#}
with

web_events as (

    select * from {{ ref('int_web_events_indexed') }}
    where {{ 'true' if var('use_web_events') else 'false' }}

)

{{ aged_events('web_events', {
    'client_idx': 'events.client_idx',
    'service_idx': 'events.service_idx',
    'event_type': 'events.event_type',
    'occurred_at': 'events.occurred_at',
}) }}
