with

services as (

    select
        status.fold,
        status.service_idx,
        status.partner_id,
        coalesce(status.sold_from_at <= status.cutoff_at, false) as is_launched,
        coalesce(status.withdrawn_at <= status.cutoff_at, false) as is_withdrawn,
        coalesce(status.are_limits_unreadable, false) as are_limits_unreadable,
        -- The partner of back then may have left the programme's table altogether.
        coalesce(partners.is_active, false) as is_partner_active,
        status.is_offered
    from {{ ref('int_service_status_by_fold') }} as status
    left join {{ ref('dim_partners') }} as partners
        on status.partner_id = partners.partner_id

)

select
    fold,
    service_idx,
    'not_on_sale' as reason
from services
where not is_launched

union all

select
    fold,
    service_idx,
    'withdrawn' as reason
from services
where is_withdrawn

union all

select
    fold,
    service_idx,
    'limits_unreadable' as reason
from services
where are_limits_unreadable

union all

select
    fold,
    service_idx,
    'partner_inactive' as reason
from services
where not is_partner_active

union all

select
    fold,
    service_idx,
    'not_offered' as reason
from services
where not is_offered

{% if var('excluded_partners') %}
union all

select
    fold,
    service_idx,
    'partner_excluded' as reason
from services
where partner_id in ({% for partner_id in var('excluded_partners') %}'{{ partner_id | replace("'", "''") }}'{{ ", " if not loop.last }}{% endfor %})
{% endif %}
