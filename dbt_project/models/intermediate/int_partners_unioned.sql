with

delivered_partners as (

    select * from {{ ref('stg_partners') }}

),

deliveries as (

    select * from {{ ref('int_deliveries') }}
    where entity = 'partners'

),

scopes as (

    select source_partner_id from {{ ref('stg_transaction_scopes') }}
    union distinct
    select source_partner_id from {{ ref('stg_services') }}

)

select
    partner_id,
    partner_name,
    is_active,
    false as is_derived
from delivered_partners

union all

-- Who uses ids of their own sells, and so takes part, unless what they say of it could not be read.
select
    scopes.source_partner_id as partner_id,
    scopes.source_partner_id as partner_name,
    deliveries.partner_id is null as is_active,
    true as is_derived
from scopes
left join delivered_partners on scopes.source_partner_id = delivered_partners.partner_id
left join deliveries on scopes.source_partner_id = deliveries.partner_id
where
    scopes.source_partner_id is not null
    and delivered_partners.partner_id is null
