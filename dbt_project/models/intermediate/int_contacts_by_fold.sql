{#- The gate for campaign contacts; see int_events_by_fold. -#}
with

windows as (

    select * from {{ ref('training_windows') }}

),

contacts as (

    select * from {{ ref('fct_campaign_contacts') }}

),

known_contacts as (

    select
        windows.fold,
        windows.cutoff_at,
        contacts.campaign_id,
        contacts.client_id,
        contacts.campaign_type,
        contacts.contacted_at,
        -- A response that comes after the cutoff has not happened yet.
        case
            when contacts.responded_at < {{ known_until('windows.cutoff_at') }}
                then contacts.responded_at
        end as responded_at
    from contacts
    inner join windows
        on contacts.contacted_at < {{ known_until('windows.cutoff_at') }}

)

select
    *,
    greatest(contacted_at, coalesce(responded_at, contacted_at)) as known_at
from known_contacts
