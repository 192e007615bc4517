-- What is known of each client at each fold's cutoff. Serving takes what holds today, also where
-- the snapshot was not run: whoever says no today is asked nothing.
with

windows as (

    select
        fold,
        cutoff_at
    from {{ ref('training_windows') }}

),

clients as (

    select * from {{ ref('dim_clients') }}

),

versions as (

    select * from {{ ref('int_client_versions') }}

),

known_clients as (

    select distinct client_id from versions

),

past_clients as (

    select
        windows.fold,
        windows.cutoff_at,
        clients.client_id,
        clients.client_idx,
        versions.has_marketing_consent,
        versions.registered_at,
        versions.age_band,
        versions.income_band,
        versions.home_ownership,
        versions.marital_status,
        versions.household_size,
        versions.household_composition,
        versions.kids_count,
        versions.birth_year,
        versions.region
    from versions
    inner join clients
        on versions.client_id = clients.client_id
    inner join windows
        on {{ holds_at('windows.cutoff_at', 'versions') }}
    where windows.fold <> 'serving'

),

present_clients as (

    select
        windows.fold,
        windows.cutoff_at,
        clients.client_id,
        clients.client_idx,
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
        clients.region
    from clients
    cross join windows
    left join known_clients
        on clients.client_id = known_clients.client_id
    where
        windows.fold = 'serving'
        or known_clients.client_id is null

)

select * from past_clients

union all

select * from present_clients
