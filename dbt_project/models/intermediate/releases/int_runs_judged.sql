with

runs as (

    select * from {{ ref('runs') }}

),

checks as (

    select * from {{ ref('release_checks') }}

),

last_judgements as (

    -- Every publish judges anew: the last word counts.
    select
        run_id,
        max(checked_at) as checked_at
    from checks
    group by run_id

),

failed_checks as (

    select
        checks.run_id,
        checks.detail,
        row_number() over (
            partition by checks.run_id
            order by checks.check_name
        ) as check_number
    from checks
    inner join last_judgements
        on
            checks.run_id = last_judgements.run_id
            and checks.checked_at = last_judgements.checked_at
    where not checks.is_passed

),

forced_runs as (

    select distinct checks.run_id
    from checks
    inner join last_judgements
        on
            checks.run_id = last_judgements.run_id
            and checks.checked_at = last_judgements.checked_at
    where checks.check_name = 'forced'

),

published_runs as (

    select
        run_id,
        min(happened_at) as published_at
    from {{ ref('release_events') }}
    where event_kind = 'published'
    group by run_id

),

verdicts as (

    select
        runs.run_id,
        runs.status,
        published_runs.published_at,
        case
            when published_runs.run_id is null and forced_runs.run_id is null
                then failed_checks.detail
        end as rejection_reason
    from runs
    left join published_runs
        on runs.run_id = published_runs.run_id
    left join forced_runs
        on runs.run_id = forced_runs.run_id
    left join failed_checks
        on
            runs.run_id = failed_checks.run_id
            and failed_checks.check_number = 1

)

select
    run_id,
    case
        when status <> 'completed' then status
        -- What readers have had is not taken back: cross-sell rollback does that.
        when published_at is not null then 'published'
        when rejection_reason is not null then 'rejected'
        else status
    end as status,
    published_at,
    rejection_reason
from verdicts
