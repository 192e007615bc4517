{#- What SQL computes itself from the holdout predictions; Python adds intervals and what
    needs more than the first candidates. A test holds the two equal. -#}
{%- set ranking_columns = [
    'ndcg_at_10', 'hr_at_10', 'recall_at_10', 'precision_at_10', 'map_at_10',
] -%}
{%- set measured_columns = [
    {'name': 'auc_ci_low', 'metric': 'auc', 'of': 'ci_low'},
    {'name': 'auc_ci_high', 'metric': 'auc', 'of': 'ci_high'},
    {'name': 'ndcg_at_10_ci_low', 'metric': 'ndcg@10', 'of': 'ci_low'},
    {'name': 'ndcg_at_10_ci_high', 'metric': 'ndcg@10', 'of': 'ci_high'},
    {'name': 'hr_at_10_ci_low', 'metric': 'hr@10', 'of': 'ci_low'},
    {'name': 'hr_at_10_ci_high', 'metric': 'hr@10', 'of': 'ci_high'},
    {'name': 'ndcg_at_10_warm', 'metric': 'ndcg@10', 'segment': 'warm'},
    {'name': 'ndcg_at_10_cold', 'metric': 'ndcg@10', 'segment': 'cold'},
    {'name': 'coverage_at_10', 'metric': 'coverage@10'},
    {'name': 'novelty_at_10', 'metric': 'novelty@10'},
    {'name': 'popularity_bias_at_10', 'metric': 'popularity_bias@10'},
    {'name': 'lift_top_decile_ci_low', 'metric': 'lift_top_decile', 'of': 'ci_low'},
    {'name': 'lift_top_decile_ci_high', 'metric': 'lift_top_decile', 'of': 'ci_high'},
] -%}
{%- set offer_columns = [
    'offer_count', 'conversion_count', 'mean_probability', 'positive_rate', 'calibration_error',
    'brier_score', 'lift_top_decile', 'gain_top_decile', 'conversions_top_decile',
] -%}
with

latest_runs as (

    select
        run_id,
        champion_model
    from {{ ref('run_history') }}
    where is_latest

),

measured as (

    select
        metrics.run_id,
        metrics.fold,
        metrics.model_name,
        {% for column in measured_columns -%}
            max(metrics.{{ column.of or 'value' }}) filter (
                where
                metrics.metric = '{{ column.metric }}'
                and metrics.segment = '{{ column.segment or "all" }}'
            ) as {{ column.name }},
        {% endfor -%}
        metrics.model_name = latest_runs.champion_model as is_champion
    from {{ ref('metrics') }} as metrics
    inner join latest_runs
        on metrics.run_id = latest_runs.run_id
    group by metrics.run_id, metrics.fold, metrics.model_name, latest_runs.champion_model

),

-- What models are chosen by: of the figures that say something in this catalogue, that of the most
-- first services up to ten.
choices as (

    select
        run_id,
        fold,
        model_name,
        metric as choice_metric,
        value as choice_value
    from {{ ref('metrics') }}
    where
        segment = 'all'
        and metric in ('ndcg@1', 'ndcg@3', 'ndcg@5', 'ndcg@10')
    qualify row_number() over (
        partition by run_id, fold, model_name
        order by cast(split_part(metric, '@', 2) as int) desc
    ) = 1

)

select
    measured.run_id,
    measured.fold,
    measured.model_name,
    measured.is_champion,
    ranking.auc,
    {% for column in ranking_columns -%}
        case when choices.choice_metric = 'ndcg@10' then ranking.{{ column }} end as {{ column }},
    {% endfor -%}
    {% for column in measured_columns -%}
        measured.{{ column.name }},
    {% endfor -%}
    choices.choice_metric,
    choices.choice_value,
    {% for column in offer_columns -%}
        offers.{{ column }},
    {% endfor -%}
    coalesce(ranking.client_count, 0) as client_count
from measured
left join choices
    on
        measured.run_id = choices.run_id
        and measured.fold = choices.fold
        and measured.model_name = choices.model_name
left join {{ ref('int_holdout_ranking') }} as ranking
    on
        measured.run_id = ranking.run_id
        and measured.fold = ranking.fold
        and measured.model_name = ranking.model_name
left join {{ ref('int_holdout_offer_figures') }} as offers
    on
        measured.run_id = offers.run_id
        and measured.fold = offers.fold
        and measured.model_name = offers.model_name
