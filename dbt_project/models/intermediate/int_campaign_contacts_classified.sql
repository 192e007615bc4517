with

contacts as (

    select * from {{ ref('stg_campaign_contacts') }}

),

identities as (

    select
        source_client_id,
        client_id
    from {{ ref('client_identities') }}

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
        coalesce(identities.client_id, contacts.client_id) as client_id,
        contacts.client_id as source_client_id,
        campaigns.campaign_type,
        contacts.contacted_at,
        contacts.responded_at,
        contacts.is_control,
        -- A response before the contact, or later than its own load, cannot be true.
        coalesce(
            contacts.responded_at < contacts.contacted_at
            or contacts.responded_at > contacts.loaded_at,
            false
        ) as has_impossible_response,
        case
            when identities.client_id is null then 'unknown_client'
            when campaigns.campaign_id is null then 'unknown_campaign'
            when contacts.contacted_at is null then 'missing_time'
            when contacts.contacted_at > contacts.loaded_at then 'future_event'
            when contacts.contacted_at < {{ timestamp_literal(var('earliest_event_date')) }}
                then 'implausible_time'
        end as rejection_reason
    from contacts
    left join identities on contacts.client_id = identities.source_client_id
    left join campaigns on contacts.campaign_id = campaigns.campaign_id

),

checked as (

    select
        campaign_id,
        client_id,
        source_client_id,
        campaign_type,
        contacted_at,
        case when not has_impossible_response then responded_at end as responded_at,
        has_impossible_response,
        is_control,
        rejection_reason
    from matched

),

-- A campaign may meet a client by several records. Whoever was contacted by any of them was
-- contacted, at first by the earliest, and answered if any answer came; the draw's other rows say
-- nothing more.
grouped as (

    select
        campaign_id,
        client_id,
        source_client_id,
        campaign_type,
        contacted_at,
        responded_at,
        is_control,
        rejection_reason,
        min(responded_at) over (
            partition by campaign_id, client_id, is_control, rejection_reason is null
        ) as first_responded_at,
        max(case when has_impossible_response then 1 else 0 end) over (
            partition by campaign_id, client_id, is_control, rejection_reason is null
        ) as impossible_count,
        row_number() over (
            partition by campaign_id, client_id, rejection_reason is null
            order by is_control asc, contacted_at asc, source_client_id asc
        ) as place
    from checked

),

judged as (

    select
        campaign_id,
        client_id,
        campaign_type,
        contacted_at,
        case
            when rejection_reason is null then first_responded_at
            else responded_at
        end as responded_at,
        is_control,
        impossible_count,
        case
            when rejection_reason is not null then rejection_reason
            when place > 1 then 'same_client'
        end as rejection_reason
    from grouped

)

select
    campaign_id,
    client_id,
    campaign_type,
    contacted_at,
    responded_at,
    case
        when rejection_reason is not null then null
        when is_control then 'control'
        when responded_at is not null then 'responded'
        when impossible_count > 0 then 'impossible_response'
        else 'not_responded'
    end as response_kind,
    rejection_reason
from judged
