with

rejected as (

    select * from {{ ref('int_transactions_classified') }}
    where rejection_reason is not null

)

select
    transaction_id,
    client_id,
    service_id,
    quantity,
    amount,
    is_refund,
    transacted_at,
    rejection_reason
from rejected
