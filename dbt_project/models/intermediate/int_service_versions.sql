-- Versions end to end. The earliest one holds from ever: a feed may begin long after the events
-- that it is used for. A service that was gone for a while is, for that while, what it was before.
select
    service_id,
    partner_id,
    service_name,
    service_category,
    typical_price,
    margin_rate,
    private_label_share,
    is_repeatable,
    launched_at,
    withdrawn_at,
    regions,
    min_age,
    max_age,
    case
        when lag(valid_from_at) over (partition by service_id order by valid_from_at) is not null
            then valid_from_at
    end as holds_from_at,
    lead(valid_from_at) over (partition by service_id order by valid_from_at) as holds_to_at
from {{ ref('service_versions') }}
