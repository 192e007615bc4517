with

latest_runs as (

    select
        run_id,
        cast(as_of_at as date) as as_of_date
    from {{ ref('run_history') }}
    where is_latest

),

clients as (

    select * from {{ ref('dim_clients') }}

),

services as (

    select * from {{ ref('dim_services') }}

),

partners as (

    select * from {{ ref('dim_partners') }}

),

owned_services as (

    select * from {{ ref('owned_services') }}

),

offers as (

    select
        scores.*,
        latest_runs.as_of_date,
        services.partner_id,
        services.service_name,
        services.unit_margin,
        clients.client_idx,
        services.service_idx
    from {{ ref('scores') }} as scores
    inner join latest_runs
        on scores.run_id = latest_runs.run_id
    inner join clients
        on scores.client_id = clients.client_id
    inner join services
        on scores.service_id = services.service_id

),

-- Since the run, clients may have bought or said no, and services may have gone.
open_offers as (

    select *
    from offers
    where
        not exists (
            select 1
            from {{ ref('ineligible_clients') }} as barred
            where
                barred.fold = 'serving'
                and barred.client_idx = offers.client_idx
        )
        and not exists (
            select 1
            from {{ ref('ineligible_services') }} as barred
            where
                barred.fold = 'serving'
                and barred.service_idx = offers.service_idx
        )
        and not exists (
            select 1
            from {{ ref('ineligible_pairs') }} as barred
            where
                barred.fold = 'serving'
                and barred.client_idx = offers.client_idx
                and barred.service_idx = offers.service_idx
        )

)

select
    offers.client_id,
    offers.service_id,
    offers.partner_id,
    offers.service_name,
    -- Ranks close up where an offer has dropped out.
    cast(
        row_number() over (
            partition by offers.client_id
            order by offers.offer_rank, offers.service_id
        ) as int
    ) as offer_rank,
    offers.score,
    offers.probability,
    offers.probability * offers.unit_margin as expected_margin,
    case
        when owned_before.service_id is not null
            then 'Has taken this before and may want it again'
        when reason_services.service_id is not null
            then
                'Often taken with ' || reason_services.service_name
                || ', which this client has'
        when offers.is_cold_start
            then 'Popular with new clients of ' || partners.partner_name
        else 'Popular with other clients of ' || partners.partner_name
    end as reason,
    offers.is_cold_start,
    offers.model_name,
    offers.run_id,
    offers.as_of_date,
    offers.scored_at
from open_offers as offers
inner join partners
    on offers.partner_id = partners.partner_id
left join owned_services as owned_before
    on
        offers.client_id = owned_before.client_id
        and offers.service_id = owned_before.service_id
-- Only what the client really has is worth saying.
left join owned_services as reason_services
    on
        offers.client_id = reason_services.client_id
        and offers.reason_service_id = reason_services.service_id
