select
    fold,
    count(*) filter (where is_champion) as champion_count
from {{ ref('model_comparison') }}
group by fold
having count(*) filter (where is_champion) <> 1
