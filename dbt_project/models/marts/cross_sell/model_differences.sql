select
    comparisons.run_id,
    comparisons.fold,
    comparisons.metric,
    comparisons.model_name,
    comparisons.other_model_name,
    comparisons.difference,
    comparisons.ci_low,
    comparisons.ci_high,
    comparisons.p_value,
    comparisons.client_count
from {{ ref('comparisons') }} as comparisons
inner join {{ ref('run_history') }} as history
    on comparisons.run_id = history.run_id
where history.is_latest
