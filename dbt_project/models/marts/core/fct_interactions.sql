with

accepted_transactions as (

    select * from {{ ref('int_transactions_classified') }}
    where rejection_reason is null

)

select
    transaction_id as interaction_id,
    client_id,
    service_id,
    partner_id,
    event_kind,
    quantity,
    amount,
    discount_amount,
    transacted_at as occurred_at
from accepted_transactions
