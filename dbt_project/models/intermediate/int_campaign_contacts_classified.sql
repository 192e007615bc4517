with

contacts as (

    select * from {{ ref('stg_campaign_contacts') }}

),

clients as (

    select client_id from {{ ref('int_clients_unioned') }}

),

campaigns as (

    select
        campaign_id,
        campaign_type
    from {{ ref('stg_campaigns') }}

),

matched as (

    select
        contacts.campaign_id,
        contacts.client_id,
        campaigns.campaign_type,
        contacts.contacted_at,
        contacts.responded_at,
        contacts.is_control,
        -- A response before the contact, or later than its own load, cannot be true.
        contacts.responded_at < contacts.contacted_at
        or contacts.responded_at > contacts.loaded_at as has_impossible_response,
        case
            when clients.client_id is null then 'unknown_client'
            when campaigns.campaign_id is null then 'unknown_campaign'
            when contacts.contacted_at is null then 'missing_time'
            when contacts.contacted_at > contacts.loaded_at then 'future_event'
        end as rejection_reason
    from contacts
    left join clients on contacts.client_id = clients.client_id
    left join campaigns on contacts.campaign_id = campaigns.campaign_id

)

select
    campaign_id,
    client_id,
    campaign_type,
    contacted_at,
    case when not coalesce(has_impossible_response, false) then responded_at end as responded_at,
    case
        when rejection_reason is not null then null
        when is_control then 'control'
        when responded_at is null then 'not_responded'
        when has_impossible_response then 'impossible_response'
        else 'responded'
    end as response_kind,
    rejection_reason
from matched
