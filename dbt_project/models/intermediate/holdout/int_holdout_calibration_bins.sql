select
    run_id,
    fold,
    model_name,
    calibration_bin,
    count(*) as offer_count,
    avg(probability) as mean_probability,
    {{ ratio('count(*) filter (where is_converted)', 'count(*)') }} as conversion_rate
from {{ ref('int_holdout_offers') }}
group by run_id, fold, model_name, calibration_bin
