select
    fold,
    client_id,
    count(*) as contact_count,
    count(*) filter (where {{ days_between('contacted_at', 'cutoff_at') }} <= 90) as contact_count_90d,
    count(responded_at) as response_count,
    max(known_at) as known_at,
from {{ ref('int_contacts_by_fold') }}
group by fold, client_id
