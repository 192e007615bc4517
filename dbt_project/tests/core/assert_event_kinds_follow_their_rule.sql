-- What goes back to the client is a refund, and nothing else is; a purchase has units.
select
    interaction_id,
    event_kind,
    quantity,
    amount,
    discount_amount
from {{ ref('fct_interactions') }}
where
    (quantity = 0 and event_kind <> 'refund')
    or (event_kind = 'refund') <> (quantity < 0 or amount <= -{{ var('smallest_amount') }})
    or (event_kind = 'discounted_purchase' and discount_amount < {{ var('smallest_amount') }})
    or (event_kind = 'purchase' and discount_amount >= {{ var('smallest_amount') }})
