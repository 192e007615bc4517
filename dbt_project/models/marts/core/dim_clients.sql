with

clients as (

    select * from {{ ref('int_clients_resolved') }}

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
    event_spans.first_event_at,
    event_spans.last_event_at
from clients
left join event_spans on clients.client_id = event_spans.client_id
