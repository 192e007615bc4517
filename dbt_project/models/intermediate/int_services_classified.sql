with

services as (

    select * from {{ ref('int_services_unioned') }}

),

partners as (

    select * from {{ ref('int_partners_unioned') }}

)

select
    services.service_id,
    services.partner_id,
    services.service_name,
    services.service_category,
    services.typical_price,
    services.margin_rate,
    services.private_label_share,
    services.is_repeatable,
    services.launched_at,
    services.withdrawn_at,
    services.regions,
    services.min_age,
    services.max_age,
    services.are_limits_unreadable,
    services.is_derived,
    case
        when services.partner_id is null then 'missing_partner'
        when partners.partner_id is null then 'unknown_partner'
    end as rejection_reason
from services
left join partners on services.partner_id = partners.partner_id
