-- Versions end to end. The earliest one holds from ever: a feed may begin long after the events
-- that it is used for.
select
    attribute_id,
    client_id,
    service_id,
    attribute,
    value,
    value_number,
    valid_from_at,
    case
        when lag(valid_from_at) over (partition by attribute_id order by valid_from_at) is not null
            then valid_from_at
    end as holds_from_at,
    lead(valid_from_at) over (partition by attribute_id order by valid_from_at) as holds_to_at
from {{ ref('attribute_versions') }}
