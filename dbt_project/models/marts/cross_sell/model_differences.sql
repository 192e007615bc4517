with

latest_comparisons as (

    select comparisons.*
    from {{ ref('comparisons') }} as comparisons
    inner join {{ ref('run_history') }} as history
        on comparisons.run_id = history.run_id
    where history.is_latest

)

select
    run_id,
    fold,
    metric,
    model_name,
    other_model_name,
    difference,
    ci_low,
    ci_high,
    p_value,
    client_count
from latest_comparisons

union all

-- The jobs write each pair once; readers start from either model.
select
    run_id,
    fold,
    metric,
    other_model_name as model_name,
    model_name as other_model_name,
    -difference as difference,
    -ci_high as ci_low,
    -ci_low as ci_high,
    p_value,
    client_count
from latest_comparisons
