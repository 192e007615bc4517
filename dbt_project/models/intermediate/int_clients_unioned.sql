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
    unread_columns,
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
    null as unread_columns,
    null as updated_at,
    null as loaded_at,
    true as is_derived
from {{ ref('int_clients_derived') }}
