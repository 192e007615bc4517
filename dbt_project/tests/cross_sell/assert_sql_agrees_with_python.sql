{#- The jobs compute figures from the scores of all candidates, SQL from the rows they kept of
    them. Both must say the same, for every run, model and fold: a figure that is missing on
    one side, or a holdout row that was lost or changed, fails here. Only figures of the first ten of
    at most twenty candidates, which tell nothing, may be SQL's alone. -#}
{%- set ranking_figures = {
    'auc': 'auc',
    'hr@10': 'hr_at_10',
    'ndcg@10': 'ndcg_at_10',
    'recall@10': 'recall_at_10',
    'precision@10': 'precision_at_10',
    'map@10': 'map_at_10',
} -%}
{%- set offer_figures = {
    'brier_score': 'brier_score',
    'calibration_error': 'calibration_error',
    'mean_probability': 'mean_probability',
    'positive_rate': 'positive_rate',
    'lift_top_decile': 'lift_top_decile',
    'gain_top_decile': 'gain_top_decile',
    'conversions_top_decile': 'conversions_top_decile',
} -%}
with

by_sql as (

    {% for metric, column in ranking_figures.items() -%}
        select
            run_id,
            fold,
            model_name,
            '{{ metric }}' as metric,
            {{ column }} as value,
            {{ "mean_candidate_count <= 20" if '@' in metric else "false" }} as is_optional
        from {{ ref('int_holdout_ranking') }}

        union all

    {% endfor -%}
    {% for metric, column in offer_figures.items() -%}
        select
            run_id,
            fold,
            model_name,
            '{{ metric }}' as metric,
            cast({{ column }} as double) as value,
            false as is_optional
        from {{ ref('int_holdout_offer_figures') }}
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

-- Rows of forgotten clients are gone from the holdout, while the jobs' figures, which name
-- nobody, stay as they were: runs from before can no longer be audited.
forgettings as (

    select max(forgotten_at) as forgotten_at
    from {{ source('raw', 'forgotten_clients') }}

),

audited_runs as (

    select runs.run_id
    from {{ ref('runs') }} as runs
    cross join forgettings
    where
        forgettings.forgotten_at is null
        or runs.finished_at > forgettings.forgotten_at

),

judged_runs as (

    select distinct run_id
    from {{ ref('metrics') }}
    where metric = 'conversions_top_decile'

),

by_python as (

    select
        metrics.run_id,
        metrics.fold,
        metrics.model_name,
        metrics.metric,
        metrics.value
    from {{ ref('metrics') }} as metrics
    left join judged_runs
        on metrics.run_id = judged_runs.run_id
    where
        metrics.segment = 'all'
        and (
            metrics.metric in (
                {% for metric in ranking_figures -%}
                    '{{ metric }}'{{ ',' if not loop.last }}
                {% endfor -%}
            )
            or (
                judged_runs.run_id is not null
                and metrics.metric in (
                    {% for metric in offer_figures -%}
                        '{{ metric }}'{{ ',' if not loop.last }}
                    {% endfor -%}
                )
            )
        )

)

select
    coalesce(by_sql.run_id, by_python.run_id) as run_id,
    coalesce(by_sql.fold, by_python.fold) as fold,
    coalesce(by_sql.model_name, by_python.model_name) as model_name,
    coalesce(by_sql.metric, by_python.metric) as metric,
    by_sql.value as sql_value,
    by_python.value as python_value
from by_sql
full outer join by_python
    on
        by_sql.run_id = by_python.run_id
        and by_sql.fold = by_python.fold
        and by_sql.model_name = by_python.model_name
        and by_sql.metric = by_python.metric
inner join audited_runs
    on coalesce(by_sql.run_id, by_python.run_id) = audited_runs.run_id
where
    (
        (by_sql.value is null) <> (by_python.value is null)
        and not (by_python.run_id is null and coalesce(by_sql.is_optional, false))
    )
    or abs(by_sql.value - by_python.value) > 1e-9
