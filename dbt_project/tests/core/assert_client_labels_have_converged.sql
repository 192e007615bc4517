-- Records that share a joining key are one group. Where a chain of keys is longer than
-- identity_rounds they are not yet: raise it.
select key_number
from {{ ref('int_client_labels') }}
group by key_number
having min(group_label) <> max(group_label)
