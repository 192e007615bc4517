{#- Figures of earlier runs' offers side by side with what the run had promised: its own figures on
    its test fold, and for shares of offers taken the mean of the stated probabilities. -#}
{%- set measures = {
    'ndcg@10': 'ndcg_at_10',
    'hr@10': 'hr_at_10',
    'calibration_error': 'calibration_error',
    'brier_score': 'brier_score',
    'log_loss': 'log_loss',
} -%}
with

sums as (

    select * from {{ ref('int_past_offer_sums') }}

),

-- A run whose clients took nothing yet has figures of its offers all the same.
totals as (

    select
        sums.run_id,
        cast(sum(sums.offer_count) as bigint) as offer_count,
        {{ ratio(exact_sum('sums.squared_error_sum'), 'sum(sums.offer_count)') }} as brier_score,
        {{ ratio(exact_sum('sums.log_loss_sum'), 'sum(sums.offer_count)') }} as log_loss,
        {{ ratio(exact_sum('sums.probability_sum'), 'sum(sums.offer_count)') }}
            as mean_probability
    from sums
    group by sums.run_id

),

runs as (

    select
        totals.*,
        calibration.calibration_error,
        ranking.ndcg_at_10,
        ranking.hr_at_10,
        coalesce(ranking.client_count, 0) as taker_count
    from totals
    inner join {{ ref('int_past_calibration') }} as calibration
        on totals.run_id = calibration.run_id
    left join {{ ref('int_past_ranking') }} as ranking
        on totals.run_id = ranking.run_id

),

promises as (

    select
        metrics.run_id,
        metrics.metric,
        metrics.value
    from {{ ref('metrics') }} as metrics
    inner join {{ ref('int_judged_runs') }} as judged_runs
        on
            metrics.run_id = judged_runs.run_id
            and metrics.model_name = judged_runs.champion_model
    where
        metrics.fold = 'test'
        and metrics.segment = 'all'

),

run_figures as (

    {% for measure, column in measures.items() -%}
        select
            run_id,
            '{{ measure }}' as measure,
            {{ column }} as value,
            {{ 'taker_count' if measure in ('ndcg@10', 'hr@10') else 'offer_count' }} as row_count,
            taker_count,
            mean_probability
        from runs
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

conversions as (

    {% for scope, subject, keys in [
        ('offers', "'all'", ''),
        ('partner', 'partner_id', ', partner_id'),
        ('offer_rank', 'cast(offer_rank as string)', ', offer_rank'),
    ] -%}
        select
            run_id,
            '{{ scope }}' as scope,
            {{ subject }} as subject,
            sum(offer_count) as offer_count,
            {{ ratio('sum(conversion_count)', 'sum(offer_count)') }} as conversion_rate,
            {{ ratio(exact_sum('probability_sum'), 'sum(offer_count)') }} as mean_probability
        from sums
        group by run_id{{ keys }}
        {{ 'union all' if not loop.last }}
    {% endfor %}

)

select
    run_figures.run_id,
    'offers' as scope,
    'all' as subject,
    run_figures.measure,
    run_figures.value,
    promises.value as reference_value,
    run_figures.row_count,
    run_figures.taker_count,
    run_figures.mean_probability
from run_figures
left join promises
    on
        run_figures.run_id = promises.run_id
        and run_figures.measure = promises.metric

union all

select
    conversions.run_id,
    conversions.scope,
    conversions.subject,
    'conversion_rate' as measure,
    conversions.conversion_rate as value,
    conversions.mean_probability as reference_value,
    cast(conversions.offer_count as bigint) as row_count,
    runs.taker_count,
    conversions.mean_probability
from conversions
inner join runs
    on conversions.run_id = runs.run_id
