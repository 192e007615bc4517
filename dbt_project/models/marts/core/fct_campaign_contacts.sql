with

accepted_contacts as (

    select * from {{ ref('int_campaign_contacts_classified') }}
    where rejection_reason is null

)

select
    campaign_id,
    client_id,
    campaign_type,
    contacted_at,
    responded_at
from accepted_contacts
