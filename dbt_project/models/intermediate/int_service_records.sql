-- What the catalogue says of each service, and since when: what the snapshot service_versions
-- compares.
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
    {{ stated_from('updated_at', 'loaded_at') }} as updated_at,
    loaded_at
from {{ ref('stg_services') }}
