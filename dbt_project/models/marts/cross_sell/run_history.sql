with

runs as (

    select * from {{ ref('runs') }}

),

verdicts as (

    select * from {{ ref('int_runs_judged') }}

),

latest_runs as (

    -- Of two runs that finished in the same moment, the larger id counts.
    select runs.run_id
    from runs
    inner join verdicts
        on runs.run_id = verdicts.run_id
    where
        runs.status = 'completed'
        and verdicts.status <> 'rejected'
    order by runs.finished_at desc, runs.run_id desc
    limit 1

),

steps as (

    select
        run_id,
        sum(seconds) as step_seconds,
        max(peak_memory_mib) as peak_memory_mib
    from {{ ref('run_steps') }}
    group by run_id

),

offers as (

    select
        run_id,
        count(*) as offer_count,
        count(distinct client_id) as client_count
    from {{ ref('scores') }}
    group by run_id

)

select
    runs.run_id,
    verdicts.status,
    verdicts.published_at,
    verdicts.rejection_reason,
    latest_runs.run_id is not null as is_latest,
    runs.as_of_at,
    runs.champion_model,
    runs.champion_reason,
    runs.seed,
    runs.started_at,
    runs.finished_at,
    {{ seconds_between('runs.started_at', 'runs.finished_at') }} as duration_seconds,
    steps.step_seconds,
    steps.peak_memory_mib,
    coalesce(offers.offer_count, 0) as offer_count,
    coalesce(offers.client_count, 0) as client_count
from runs
inner join verdicts
    on runs.run_id = verdicts.run_id
left join latest_runs
    on runs.run_id = latest_runs.run_id
left join steps
    on runs.run_id = steps.run_id
left join offers
    on runs.run_id = offers.run_id
