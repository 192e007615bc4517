{#- Earlier runs whose horizon has begun to pass. Of runs that knew the same the last to finish. -#}
with

data_ends as (

    select cutoff_at as data_end_at
    from {{ ref('training_windows') }}
    where fold = 'serving'

),

runs as (

    select
        runs.run_id,
        runs.champion_model,
        runs.as_of_at,
        {{ add_days('runs.as_of_at', horizon_or_var('runs.horizon_days')) }} as horizon_end_at,
        data_ends.data_end_at,
        row_number() over (
            partition by runs.as_of_at
            order by runs.finished_at desc, runs.run_id desc
        ) as finish_rank
    from {{ ref('runs') }} as runs
    inner join data_ends
        on runs.as_of_at < data_ends.data_end_at
    where runs.status = 'completed'

),

ranked_runs as (

    select
        *,
        row_number() over (order by as_of_at desc) as recency_rank
    from runs
    where finish_rank = 1

)

select
    run_id,
    champion_model,
    as_of_at,
    horizon_end_at,
    least(horizon_end_at, data_end_at) as observed_until_at,
    horizon_end_at <= data_end_at as is_complete
from ranked_runs
where recency_rank <= {{ var('health_runs') }}
