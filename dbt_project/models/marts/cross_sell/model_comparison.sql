{%- set columns = [
    {'name': 'auc', 'metric': 'auc'},
    {'name': 'ndcg_at_10', 'metric': 'ndcg@10'},
    {'name': 'ndcg_at_10_ci_low', 'metric': 'ndcg@10', 'of': 'ci_low'},
    {'name': 'ndcg_at_10_ci_high', 'metric': 'ndcg@10', 'of': 'ci_high'},
    {'name': 'hr_at_10', 'metric': 'hr@10'},
    {'name': 'recall_at_10', 'metric': 'recall@10'},
    {'name': 'map_at_10', 'metric': 'map@10'},
    {'name': 'coverage_at_10', 'metric': 'coverage@10'},
    {'name': 'ndcg_at_10_warm', 'metric': 'ndcg@10', 'segment': 'warm'},
    {'name': 'ndcg_at_10_cold', 'metric': 'ndcg@10', 'segment': 'cold'},
    {'name': 'calibration_error', 'metric': 'calibration_error'},
] -%}
with

latest_runs as (

    select
        run_id,
        champion_model
    from {{ ref('run_history') }}
    where is_latest

),

latest_metrics as (

    select
        metrics.*,
        latest_runs.champion_model
    from {{ ref('metrics') }} as metrics
    inner join latest_runs
        on metrics.run_id = latest_runs.run_id

)

select
    run_id,
    fold,
    model_name,
    model_name = champion_model as is_champion,
    {% for column in columns -%}
        max({{ column.of or 'value' }}) filter (
            where metric = '{{ column.metric }}' and segment = '{{ column.segment or "all" }}'
        ) as {{ column.name }},
    {% endfor -%}
    max(client_count) filter (where segment = 'all') as client_count
from latest_metrics
group by run_id, fold, model_name, champion_model
