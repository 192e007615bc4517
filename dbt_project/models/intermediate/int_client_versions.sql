-- Versions end to end. The earliest one holds from ever: a feed may begin long after the events
-- that it is used for. A record that was gone for a while is, for that while, what it was before.
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
    valid_from_at,
    case
        when lag(valid_from_at) over (partition by client_id order by valid_from_at) is not null
            then valid_from_at
    end as holds_from_at,
    lead(valid_from_at) over (partition by client_id order by valid_from_at) as holds_to_at
from {{ ref('client_versions') }}
