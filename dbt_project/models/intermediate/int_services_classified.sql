{#- No service has an empty id: the list is never empty. -#}
{%- set excluded_ids = ["''"] -%}
{%- for service_id in var('excluded_services') -%}
    {%- do excluded_ids.append("'" ~ service_id | replace("'", "''") ~ "'") -%}
{%- endfor -%}
with

services as (

    select
        *,
        -- The id as the partner knows it: what follows '<partner>:'.
        case
            when source_partner_id is null then service_id
            else substring(service_id, length(source_partner_id) + 2)
        end as own_service_id
    from {{ ref('int_services_unioned') }}

),

partners as (

    select * from {{ ref('int_partners_unioned') }}

)

select
    services.service_id,
    services.own_service_id,
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
    coalesce(services.is_offered, true)
    and services.service_id not in ({{ excluded_ids | join(', ') }})
    and services.own_service_id not in ({{ excluded_ids | join(', ') }}) as is_offered,
    services.is_derived,
    case
        when services.partner_id is null then 'missing_partner'
        when partners.partner_id is null then 'unknown_partner'
    end as rejection_reason
from services
left join partners on services.partner_id = partners.partner_id
