with

accepted_contacts as (

    select * from {{ ref('int_campaign_contacts_classified') }}
    -- Whom the draw kept in the control group was not contacted.
    where
        rejection_reason is null
        and response_kind <> 'control'

)

select
    campaign_id,
    client_id,
    campaign_type,
    contacted_at,
    responded_at
from accepted_contacts
