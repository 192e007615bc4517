with

-- Asked of the raw rows: which of a client's is the newest makes no difference here.
delivered_scopes as (

    select distinct {{ clean_id('source_partner_id') }} as source_partner_id
    from {{ source('raw', 'clients') }}
    where {{ clean_id('client_id') }} is not null

),

-- Partners who sell but deliver no clients: whoever did anything there is a client. A partner who
-- delivers some is believed: an id among its events that is none of them is unknown.
scopes_without_clients as (

    select scopes.source_partner_id
    from {{ ref('stg_transaction_scopes') }} as scopes
    where
        not exists (
            select 1 as is_there
            from delivered_scopes
            where delivered_scopes.source_partner_id is not distinct from scopes.source_partner_id
        )

),

ids_of_events as (

    {{ ids_of_scopes(
        'transactions', ['transaction_id'], 'client_id', 'scopes_without_clients', is_given_back()
    ) }}
    union all
    {{ ids_of_scopes('web_events', ['event_id'], 'client_id', 'scopes_without_clients') }}
    union all
    {{ ids_of_scopes(
        'campaign_contacts', ['campaign_id', 'client_id'], 'client_id', 'scopes_without_clients'
    ) }}
    union all
    {{ ids_of_scopes('reviews', ['review_id'], 'client_id', 'scopes_without_clients') }}

)

-- Where one id belongs to two scopes, as 'a:b' shared and 'b' of partner a, one row is kept.
select
    client_id,
    min(source_partner_id) as source_partner_id
from ids_of_events
group by client_id
