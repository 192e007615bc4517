with

clients as (

    select * from {{ ref('int_clients_resolved') }}

),

-- Sales are not all that tells of a client.
first_records as (

    select
        client_id,
        min(occurred_at) as first_record_at
    from {{ ref('fct_web_events') }}
    group by client_id

    union all

    select
        client_id,
        min(contacted_at) as first_record_at
    from {{ ref('fct_campaign_contacts') }}
    group by client_id

    union all

    select
        client_id,
        min(reviewed_at) as first_record_at
    from {{ ref('fct_reviews') }}
    group by client_id

),

first_seen as (

    select
        client_id,
        min(first_record_at) as first_seen_at
    from first_records
    group by client_id

),

event_spans as (

    select
        client_id,
        min(occurred_at) as first_event_at,
        max(occurred_at) as last_event_at
    from {{ ref('fct_interactions') }}
    group by client_id

)

select
    clients.client_id,
    -- Dense and zero-based: the row number of the client in every matrix.
    cast(row_number() over (order by clients.client_id) - 1 as int) as client_idx,
    clients.has_marketing_consent,
    clients.registered_at,
    clients.age_band,
    clients.income_band,
    clients.home_ownership,
    clients.marital_status,
    clients.household_size,
    clients.household_composition,
    clients.kids_count,
    clients.birth_year,
    clients.region,
    clients.is_consent_unreadable,
    clients.is_birth_year_unreadable,
    clients.is_region_unreadable,
    least(clients.registered_at, event_spans.first_event_at, first_seen.first_seen_at)
        as known_from_at,
    event_spans.first_event_at,
    event_spans.last_event_at
from clients
left join event_spans on clients.client_id = event_spans.client_id
left join first_seen on clients.client_id = first_seen.client_id
