-- A table: of what it holds no engine guesses the size well, and large joins follow.
{{ config(materialized='table') }}

with

latest_runs as (

    select run_id
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
        is_repeatable
    from {{ ref('dim_services') }}

),

-- Numbers, not names: offers are many, and ranking holds them all at once.
offers as (

    select
        clients.client_idx,
        services.service_idx,
        reason_services.service_idx as reason_service_idx,
        scores.offer_rank,
        scores.score,
        scores.probability,
        scores.is_cold_start,
        scores.model_name,
        scores.scored_at
    from {{ ref('scores') }} as scores
    inner join latest_runs
        on scores.run_id = latest_runs.run_id
    inner join clients
        on scores.client_id = clients.client_id
    inner join services
        on scores.service_id = services.service_id
    left join services as reason_services
        on scores.reason_service_id = reason_services.service_id

),

-- What was bought after the cutoff, which the marts of the serving fold do not know of.
bought_since as (

    select distinct
        clients.client_idx,
        services.service_idx
    from {{ ref('fct_interactions') }} as events
    inner join {{ ref('training_windows') }} as windows
        on events.occurred_at >= windows.cutoff_at
    inner join clients
        on events.client_id = clients.client_id
    inner join services
        on events.service_id = services.service_id
    where
        windows.fold = 'serving'
        and events.event_kind <> 'refund'
        -- What may be offered again stays open.
        and not ({{ var('offer_repeatable_services') }} and coalesce(services.is_repeatable, false))

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
        and not exists (
            select 1
            from bought_since
            where
                bought_since.client_idx = offers.client_idx
                and bought_since.service_idx = offers.service_idx
        )

)

select
    client_idx,
    service_idx,
    reason_service_idx,
    -- Ranks close up where an offer has dropped out.
    cast(
        row_number() over (
            partition by client_idx
            order by offer_rank, service_idx
        ) as int
    ) as offer_rank,
    score,
    probability,
    is_cold_start,
    model_name,
    scored_at
from open_offers
