with

contacts as (

    select
        *,
        {{ days_between('contacted_at', 'cutoff_at') }} as age_days
    from {{ ref('int_contacts_by_fold') }}
    -- Who is contacted too often is looked up at the gate itself, also where this is off.
    where {{ 'true' if var('use_campaign_contacts') else 'false' }}

)

select
    contacts.fold,
    clients.client_idx,
    -- Null where the type is unknown: such contacts count, but name no type.
    contacts.campaign_type,
    count(*) as contact_count,
    count(*) filter (where contacts.age_days <= 90) as contact_count_90d,
    count(contacts.responded_at) as response_count,
    max(contacts.known_at) as known_at
from contacts
inner join {{ ref('int_client_numbers') }} as clients
    on contacts.client_id = clients.client_id
group by contacts.fold, clients.client_idx, contacts.campaign_type
