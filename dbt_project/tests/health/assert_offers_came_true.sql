{#- A warning, not an error: earlier offers were worse than promised. What to do stands in each
    row. Only the newest run whose horizon has passed is asked: of older ones it was told before. -#}
{{ config(severity='warn') }}
with

newest_runs as (

    select run_id
    from {{ ref('int_judged_runs') }}
    where is_complete
    order by as_of_at desc
    limit 1

)

select
    health.moment as run_id,
    health.measure,
    health.value,
    health.threshold,
    'offers do not come true as promised: run make refresh' as what_to_do
from {{ ref('model_health') }} as health
inner join newest_runs
    on health.moment = newest_runs.run_id
where health.is_alarm
