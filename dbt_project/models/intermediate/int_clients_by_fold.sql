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

identities as (

    select
        client_id,
        source_client_id
    from {{ ref('client_identities') }}

),

-- The key of a version is the record's.
past_records as (

    select
        windows.fold,
        identities.client_id,
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
        versions.region,
        row_number() over (
            partition by windows.fold, identities.client_id
            order by versions.valid_from_at desc, versions.client_id asc
        ) as recency_rank
    from versions
    inner join identities
        on versions.client_id = identities.source_client_id
    inner join windows
        on {{ holds_at('windows.cutoff_at', 'versions') }}
    where windows.fold <> 'serving'

),

past_words as (

    select
        fold,
        client_id,
        {{ one_client_of_records() }}
    from past_records
    group by fold, client_id

),

past_clients as (

    select
        windows.fold,
        windows.cutoff_at,
        clients.client_id,
        clients.client_idx,
        past_words.has_marketing_consent,
        past_words.registered_at,
        past_words.age_band,
        past_words.income_band,
        past_words.home_ownership,
        past_words.marital_status,
        past_words.household_size,
        past_words.household_composition,
        past_words.kids_count,
        past_words.birth_year,
        past_words.region
    from past_words
    inner join clients
        on past_words.client_id = clients.client_id
    inner join windows
        on past_words.fold = windows.fold

),

known_clients as (

    select distinct identities.client_id
    from versions
    inner join identities
        on versions.client_id = identities.source_client_id

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
