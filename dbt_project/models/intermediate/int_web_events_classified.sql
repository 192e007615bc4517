with

web_events as (

    select * from {{ ref('stg_web_events') }}

),

identities as (

    select
        source_client_id,
        client_id
    from {{ ref('client_identities') }}

),

services as (

    select service_id from {{ ref('int_services_classified') }}
    where rejection_reason is null

)

select
    web_events.event_id,
    coalesce(identities.client_id, web_events.client_id) as client_id,
    web_events.service_id,
    web_events.event_type,
    web_events.search_text,
    web_events.occurred_at,
    -- The first reason that applies, so that every row is counted once.
    case
        when web_events.client_id is null then 'missing_client'
        when identities.client_id is null then 'unknown_client'
        -- A search may name no service.
        when web_events.service_id is not null and services.service_id is null
            then 'unknown_service'
        when web_events.occurred_at is null then 'missing_time'
        when web_events.occurred_at > web_events.loaded_at then 'future_event'
        when web_events.occurred_at < {{ timestamp_literal(var('earliest_event_date')) }}
            then 'implausible_time'
        when coalesce(web_events.event_type, '') not in ('view', 'search', 'cart')
            then 'unknown_event_type'
    end as rejection_reason
from web_events
left join identities on web_events.client_id = identities.source_client_id
left join services on web_events.service_id = services.service_id
