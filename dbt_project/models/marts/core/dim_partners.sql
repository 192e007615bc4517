with

partners as (

    select * from {{ ref('int_partners_unioned') }}

),

service_counts as (

    select
        partner_id,
        count(*) as service_count
    from {{ ref('int_services_classified') }}
    where rejection_reason is null
    group by partner_id

)

select
    partners.partner_id,
    partners.partner_name,
    partners.is_active,
    coalesce(service_counts.service_count, 0) as service_count
from partners
left join service_counts on partners.partner_id = service_counts.partner_id
