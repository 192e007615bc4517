-- depends_on: {{ ref('int_contacts_by_fold') }}
with

windows as (

    select * from {{ ref('training_windows') }}

),

clients as (

    select * from {{ ref('dim_clients') }}

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
    windows.fold,
    clients.client_idx,
    'no_consent' as reason
from clients
cross join windows
where
    not coalesce(
        clients.has_marketing_consent,
        {{ 'true' if var('unknown_consent_is_consent') else 'false' }}
    )
{% if var('most_contacts') is not none %}
union all

select
    contacts.fold,
    clients.client_idx,
    'contacted_too_often' as reason
from contacts
inner join clients
    on contacts.client_id = clients.client_id
where contacts.contact_count >= {{ var('most_contacts') }}
{% endif %}
