with

transactions as (

    select * from {{ ref('stg_transactions') }}

),

identities as (

    select
        source_client_id,
        client_id
    from {{ ref('client_identities') }}

),

services as (

    select
        service_id,
        partner_id
    from {{ ref('int_services_classified') }}
    where rejection_reason is null

),

matched as (

    select
        transactions.transaction_id,
        coalesce(identities.client_id, transactions.client_id) as client_id,
        transactions.service_id,
        services.partner_id,
        transactions.quantity,
        transactions.amount,
        transactions.discount_amount,
        transactions.is_refund,
        transactions.transacted_at,
        transactions.loaded_at,
        identities.client_id is not null as is_known_client,
        services.service_id is not null as is_known_service
    from transactions
    left join identities on transactions.client_id = identities.source_client_id
    left join services on transactions.service_id = services.service_id

),

checked as (

    select
        *,
        -- A line gets the first reason that applies, so every line is counted once.
        case
            when client_id is null then 'missing_client'
            when not is_known_client then 'unknown_client'
            when service_id is null then 'missing_service'
            when not is_known_service then 'unknown_service'
            when transacted_at is null then 'missing_time'
            when quantity is null then 'missing_quantity'
            -- Nothing was bought. Money that comes back needs no units; dust (-2e-16) is no money.
            when quantity = 0 and not is_refund then 'zero_quantity'
            when amount is null then 'missing_amount'
            when transacted_at > loaded_at then 'future_event'
            when transacted_at < {{ timestamp_literal(var('earliest_event_date')) }}
                then 'implausible_time'
        end as rejection_reason
    from matched

)

select
    transaction_id,
    client_id,
    service_id,
    partner_id,
    quantity,
    amount,
    discount_amount,
    is_refund,
    transacted_at,
    case
        when rejection_reason is not null then null
        when is_refund then 'refund'
        when discount_amount >= {{ var('smallest_amount') }} then 'discounted_purchase'
        else 'purchase'
    end as event_kind,
    rejection_reason
from checked
