with

-- Named apart from the clients themselves: an engine keeps in memory what is named twice.
delivered_scopes as (

    select distinct source_partner_id from {{ ref('stg_clients') }}

),

-- Partners who sell but deliver no clients: whoever did anything there is a client. A partner who
-- delivers some is believed: an id among its events that is none of them is unknown.
scopes_without_clients as (

    select scopes.source_partner_id
    from {{ ref('stg_transaction_scopes') }} as scopes
    where
        not exists (
            select 1 as is_there
            from delivered_scopes
            where delivered_scopes.source_partner_id is not distinct from scopes.source_partner_id
        )

),

ids_of_events as (

    {{ ids_of_scopes('transactions', ['transaction_id'], 'client_id', 'scopes_without_clients') }}
    union all
    {{ ids_of_scopes('web_events', ['event_id'], 'client_id', 'scopes_without_clients') }}
    union all
    {{ ids_of_scopes(
        'campaign_contacts', ['campaign_id', 'client_id'], 'client_id', 'scopes_without_clients'
    ) }}
    union all
    {{ ids_of_scopes('reviews', ['review_id'], 'client_id', 'scopes_without_clients') }}

),

derived_clients as (

    -- Where one id belongs to two scopes, as 'a:b' shared and 'b' of partner a, one row is kept.
    select
        client_id,
        min(source_partner_id) as source_partner_id
    from ids_of_events
    group by client_id

)

select
    client_id,
    source_partner_id,
    has_marketing_consent,
    registered_at,
    age_band,
    income_band,
    home_ownership,
    marital_status,
    household_size,
    household_composition,
    kids_count,
    email_hash,
    phone_hash,
    loyalty_hash,
    birth_year,
    region,
    updated_at,
    loaded_at,
    false as is_derived
from {{ ref('stg_clients') }}

union all

select
    client_id,
    source_partner_id,
    null as has_marketing_consent,
    null as registered_at,
    null as age_band,
    null as income_band,
    null as home_ownership,
    null as marital_status,
    null as household_size,
    null as household_composition,
    null as kids_count,
    null as email_hash,
    null as phone_hash,
    null as loyalty_hash,
    null as birth_year,
    null as region,
    null as updated_at,
    null as loaded_at,
    true as is_derived
from derived_clients
