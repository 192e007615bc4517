{#- A figure per row. Thresholds are vars, documented in dbt_project.yml; a figure without one is
    told and not judged. -#}
{%- set is_seasonal -%}
    feature in ('{{ var('health_seasonal_features') | join("', '") }}')
{%- endset -%}
{%- set is_enough = 'least(reference_population, current_population) >= ' ~ var('health_fewest') -%}
with

windows as (

    select cutoff_at as as_of_at
    from {{ ref('training_windows') }}
    where fold = 'serving'

),

feature_figures as (

    select
        scope,
        feature as subject,
        'psi' as measure,
        stability_index as value,
        cast(null as double) as reference_value,
        case
            when {{ is_enough }} and not {{ is_seasonal }} then {{ var('health_psi_alarm') }}
        end as threshold,
        current_population as row_count
    from {{ ref('int_feature_drift') }}

),

feature_summaries as (

    select
        scope || 's' as scope,
        'all' as subject,
        'drifted_share' as measure,
        {{ ratio(
            'count(*) filter (where stability_index > ' ~ var('health_psi_watch') ~ ')', 'count(*)'
        ) }} as value,
        cast(null as double) as reference_value,
        case
            when min(least(reference_population, current_population)) >= {{ var('health_fewest') }}
                then {{ var('health_drifted_share') }}
        end as threshold,
        count(*) as row_count
    from {{ ref('int_feature_drift') }}
    group by scope

),

input_shares as (

    select
        *,
        {{ ratio('current_count', 'current_total') }} as current_share,
        {{ ratio('reference_count', 'reference_total') }} as reference_share,
        {{ smoothed_share('current_count', 'current_total', 'scope') }} as smoothed_current_share,
        {{ smoothed_share('reference_count', 'reference_total', 'scope') }}
            as smoothed_reference_share
    from {{ ref('int_input_shares') }}

),

share_figures as (

    select
        scope,
        subject,
        case when scope = 'partner' then 'sales_share' else 'new_share' end as measure,
        current_share as value,
        reference_share as reference_value,
        case
            when current_total < {{ var('health_fewest') }} then null
            when scope = 'client' then {{ var('health_new_client_share') }}
            when scope = 'service' then {{ var('health_new_service_share') }}
        end as threshold,
        case when scope = 'partner' then current_count else current_total end as row_count
    from input_shares

),

partner_figures as (

    select
        'partners' as scope,
        'all' as subject,
        'psi' as measure,
        {{ population_stability('smoothed_reference_share', 'smoothed_current_share') }} as value,
        cast(null as double) as reference_value,
        case
            when least(max(reference_total), max(current_total)) >= {{ var('health_fewest') }}
                then {{ var('health_psi_alarm') }}
        end as threshold,
        max(current_total) as row_count
    from input_shares
    where scope = 'partner'
    having least(max(reference_total), max(current_total)) > 0

),

input_figures as (

    select * from feature_figures

    union all

    select * from feature_summaries

    union all

    select * from share_figures

    union all

    select * from partner_figures

),

outcome_figures as (

    select
        figures.run_id,
        figures.scope,
        figures.subject,
        figures.measure,
        figures.value,
        figures.reference_value,
        case
            when not runs.is_complete or figures.taker_count < {{ var('health_fewest') }} then null
            when figures.measure = 'calibration_error'
                then {{ var('health_calibration_error') }} * figures.mean_probability
            when figures.measure = 'ndcg@10'
                then (1 - {{ var('health_ndcg_loss') }}) * figures.reference_value
        end as threshold,
        figures.row_count,
        runs.is_complete
    from {{ ref('int_past_figures') }} as figures
    inner join {{ ref('int_judged_runs') }} as runs
        on figures.run_id = runs.run_id

),

figures as (

    select
        'input' as kind,
        'now' as moment,
        scope,
        subject,
        measure,
        value,
        reference_value,
        threshold,
        row_count,
        true as is_complete
    from input_figures

    union all

    select
        'outcome' as kind,
        run_id as moment,
        scope,
        subject,
        measure,
        value,
        reference_value,
        threshold,
        row_count,
        is_complete
    from outcome_figures

)

select
    figures.kind,
    figures.moment,
    figures.scope,
    figures.subject,
    figures.measure,
    windows.as_of_at as measured_as_of_at,
    cast(figures.value as double) as value,
    cast(figures.reference_value as double) as reference_value,
    cast(figures.threshold as double) as threshold,
    cast(figures.row_count as bigint) as row_count,
    figures.is_complete,
    coalesce(
        case
            when figures.measure = 'ndcg@10' then figures.value < figures.threshold
            else figures.value > figures.threshold
        end,
        false
    ) as is_alarm
from figures
cross join windows
