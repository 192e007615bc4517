{#- cross_sell_scores drops offers that have become ineligible since the run. Right after a run,
    with the data still ending where it ended then, there is nothing to drop: a difference means
    that the jobs offered what they must not. Only a warning, because rows loaded late can
    change the past. -#}
{{ config(severity='warn') }}
with

latest_runs as (

    select
        history.run_id,
        history.offer_count
    from {{ ref('run_history') }} as history
    inner join {{ ref('training_windows') }} as windows
        on history.as_of_at = windows.cutoff_at
    where
        history.is_latest
        and windows.fold = 'serving'

),

shown_offers as (

    select
        run_id,
        count(*) as offer_count
    from {{ ref('cross_sell_scores') }}
    group by run_id

)

select
    latest_runs.run_id,
    latest_runs.offer_count as scored_count,
    coalesce(shown_offers.offer_count, 0) as shown_count
from latest_runs
left join shown_offers
    on latest_runs.run_id = shown_offers.run_id
where latest_runs.offer_count <> coalesce(shown_offers.offer_count, 0)
