{#- What a client's records may say in different words. -#}
{%- set words = [
    'age_band', 'income_band', 'home_ownership', 'marital_status', 'household_size',
    'household_composition', 'kids_count', 'birth_year', 'region',
] -%}
{%- set attributes = ['has_marketing_consent', 'registered_at'] + words -%}
{%- set agreements = [] -%}
{%- for word in words -%}
    {%- do agreements.append('coalesce(min(' ~ word ~ ') = max(' ~ word ~ '), true)') -%}
{%- endfor -%}
{%- set words_agree = agreements | join(' and ') -%}
-- What is known of each client at each fold's cutoff, of those who were known then. Serving takes
-- what holds today, also where the snapshot was not run: whoever says no today is asked nothing.
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

-- The key of a version is the record's.
all_versions as (

    select
        identities.client_id,
        versions.valid_from_at,
        versions.holds_from_at is not null or versions.holds_to_at is not null as is_one_of_several,
        versions.{{ attributes | join(',\n        versions.') }}
    from {{ ref('int_client_versions') }} as versions
    inner join {{ ref('client_identities') }} as identities
        on versions.client_id = identities.source_client_id

),

known_clients as (

    select
        {% for word in words -%}
            min({{ word }}) as {{ word }},
        {% endfor -%}
        client_id,
        {{ consent_of_records() }} as has_marketing_consent,
        min(registered_at) as registered_at,
        min(valid_from_at) as first_stated_at,
        -- No record has changed, and all that tell something tell the same: which of them is the
        -- newest does not matter, at any cutoff.
        count_if(is_one_of_several) = 0 and {{ words_agree }} as is_settled
    from all_versions
    group by client_id

),

unsettled_records as (

    select
        windows.fold,
        known_clients.client_id,
        versions.{{ attributes | join(',\n        versions.') }},
        row_number() over (
            partition by windows.fold, known_clients.client_id
            order by versions.valid_from_at desc, versions.client_id asc
        ) as recency_rank
    from {{ ref('int_client_versions') }} as versions
    inner join {{ ref('client_identities') }} as identities
        on versions.client_id = identities.source_client_id
    inner join known_clients
        on
            identities.client_id = known_clients.client_id
            and not known_clients.is_settled
    inner join windows
        on {{ holds_at('windows.cutoff_at', 'versions') }}
    where windows.fold <> 'serving'

),

past_clients as (

    select
        windows.fold,
        known_clients.client_id,
        known_clients.{{ attributes | join(',\n        known_clients.') }}
    from known_clients
    cross join windows
    where
        known_clients.is_settled
        and windows.fold <> 'serving'

    union all

    select
        fold,
        client_id,
        {{ one_client_of_records() }}
    from unsettled_records
    group by fold, client_id

),

present_clients as (

    select
        windows.fold,
        clients.client_id,
        clients.{{ attributes | join(',\n        clients.') }}
    from clients
    cross join windows
    left join known_clients
        on clients.client_id = known_clients.client_id
    where
        windows.fold = 'serving'
        or known_clients.client_id is null

),

clients_of_folds as (

    select * from past_clients

    union all

    select * from present_clients

)

select
    clients_of_folds.fold,
    windows.cutoff_at,
    clients_of_folds.client_id,
    clients.client_idx,
    least(clients.known_from_at, known_clients.first_stated_at) as known_from_at,
    clients_of_folds.{{ attributes | join(',\n    clients_of_folds.') }},
    -- What could not be read today protects from offers of today.
    clients.is_consent_unreadable and windows.fold = 'serving' as is_consent_unreadable,
    clients.is_birth_year_unreadable and windows.fold = 'serving' as is_birth_year_unreadable,
    clients.is_region_unreadable and windows.fold = 'serving' as is_region_unreadable
from clients_of_folds
inner join clients
    on clients_of_folds.client_id = clients.client_id
inner join windows
    on clients_of_folds.fold = windows.fold
left join known_clients
    on clients_of_folds.client_id = known_clients.client_id
where
    windows.fold = 'serving'
    or least(clients.known_from_at, known_clients.first_stated_at)
    < {{ known_until('windows.cutoff_at') }}
