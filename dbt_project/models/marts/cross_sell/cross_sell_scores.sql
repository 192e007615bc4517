with

latest_runs as (

    select
        run_id,
        cast(as_of_at as date) as as_of_date
    from {{ ref('run_history') }}
    where is_latest

),

clients as (

    select
        client_id,
        client_idx
    from {{ ref('dim_clients') }}

),

services as (

    select
        service_id,
        service_idx,
        service_name,
        partner_id,
        unit_margin
    from {{ ref('dim_services') }}

),

partners as (

    select
        partner_id,
        partner_name
    from {{ ref('dim_partners') }}

),

-- By number, as offers are: names of all that anybody owns would fill the memory.
owned_services as (

    select
        client_idx,
        service_idx
    from {{ ref('interactions') }}
    where fold = 'serving'

)

select
    clients.client_id,
    services.service_id,
    services.partner_id,
    services.service_name,
    offers.offer_rank,
    offers.score,
    offers.probability,
    offers.probability * services.unit_margin as expected_margin,
    case
        when owned_before.service_idx is not null
            then 'Has taken this before and may want it again'
        when owned_reasons.service_idx is not null
            then
                'Often taken with ' || reason_services.service_name
                || ', which this client has'
        when offers.is_cold_start
            then 'Popular with new clients of ' || partners.partner_name
        else 'Popular with other clients of ' || partners.partner_name
    end as reason,
    offers.is_cold_start,
    offers.model_name,
    latest_runs.run_id,
    latest_runs.as_of_date,
    offers.scored_at
from {{ ref('int_open_offers') }} as offers
cross join latest_runs
inner join clients
    on offers.client_idx = clients.client_idx
inner join services
    on offers.service_idx = services.service_idx
inner join partners
    on services.partner_id = partners.partner_id
left join owned_services as owned_before
    on
        offers.client_idx = owned_before.client_idx
        and offers.service_idx = owned_before.service_idx
left join services as reason_services
    on offers.reason_service_idx = reason_services.service_idx
-- Only what the client really has is worth saying.
left join owned_services as owned_reasons
    on
        offers.client_idx = owned_reasons.client_idx
        and offers.reason_service_idx = owned_reasons.service_idx
