-- A sales line is an interaction or a rejection, never both.
select rejected_transactions.transaction_id
from {{ ref('rejected_transactions') }} as rejected_transactions
inner join {{ ref('fct_interactions') }} as fct_interactions
    on
        rejected_transactions.transaction_id = fct_interactions.interaction_id
        and rejected_transactions.is_refund = (fct_interactions.event_kind = 'refund')
