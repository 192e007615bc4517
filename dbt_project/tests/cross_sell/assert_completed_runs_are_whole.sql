-- A run is visible only once its last row is in: no completed run without offers or metrics.
select runs.run_id
from {{ ref('runs') }} as runs
where
    runs.status = 'completed'
    and not exists (
        select 1
        from {{ ref('metrics') }} as metrics
        where metrics.run_id = runs.run_id
    )

union all

select runs.run_id
from {{ ref('runs') }} as runs
where
    runs.status = 'completed'
    and not exists (
        select 1
        from {{ ref('scores') }} as scores
        where scores.run_id = runs.run_id
    )
