select labels.*
from {{ ref('labels') }} as labels
left join {{ ref('training_windows') }} as windows
    on labels.fold = windows.fold
where
    windows.fold is null
    or labels.adopted_at < windows.cutoff_at
    or labels.adopted_at >= windows.horizon_end_at
