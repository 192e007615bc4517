with

windows as (

    select * from {{ ref('training_windows') }}

),

clients as (

    select * from {{ ref('dim_clients') }}

)

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
