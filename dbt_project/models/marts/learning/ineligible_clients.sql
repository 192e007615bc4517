-- depends_on: {{ ref('int_contacts_by_fold') }}
with

clients as (

    select * from {{ ref('int_clients_by_fold') }}

)

{%- if var('most_contacts') is not none %},

contacts as (

    select
        fold,
        client_id,
        count(*) as contact_count
    from {{ ref('int_contacts_by_fold') }}
    where contacted_at >= {{ add_days('cutoff_at', -var('contact_window_days')) }}
    group by fold, client_id

)
{%- endif %}

select
    fold,
    client_idx,
    'no_consent' as reason
from clients
where
    not coalesce(
        has_marketing_consent,
        {{ 'true' if var('unknown_consent_is_consent') else 'false' }}
    )

union all

-- Whatever the var says: nobody knows what it would have been.
select
    fold,
    client_idx,
    'consent_unreadable' as reason
from clients
where is_consent_unreadable

union all

-- Whom nobody knew at the cutoff was no client then.
select
    windows.fold,
    numbers.client_idx,
    'not_yet_known' as reason
from {{ ref('int_client_numbers') }} as numbers
cross join {{ ref('training_windows') }} as windows
left join clients
    on
        windows.fold = clients.fold
        and numbers.client_idx = clients.client_idx
where clients.client_idx is null
{% if var('most_contacts') is not none %}
union all

select
    contacts.fold,
    clients.client_idx,
    'contacted_too_often' as reason
from contacts
inner join clients
    on
        contacts.fold = clients.fold
        and contacts.client_id = clients.client_id
where contacts.contact_count >= {{ var('most_contacts') }}
{% endif %}
