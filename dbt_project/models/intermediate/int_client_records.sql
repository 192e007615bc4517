-- What is known of each client record, and since when: what the snapshot client_versions compares.
-- Keys that join records are no attributes, and no history of them is kept; derived clients have
-- no attributes at all.
select
    client_id,
    has_marketing_consent,
    registered_at,
    age_band,
    income_band,
    home_ownership,
    marital_status,
    household_size,
    household_composition,
    kids_count,
    birth_year,
    region,
    {{ stated_from('updated_at', 'loaded_at') }} as updated_at,
    loaded_at
from {{ ref('int_clients_unioned') }}
where not is_derived
