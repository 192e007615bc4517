select
    bins.run_id,
    bins.fold,
    bins.model_name,
    bins.calibration_bin as bin,
    bins.offer_count,
    bins.mean_probability,
    bins.conversion_rate
from {{ ref('int_holdout_calibration_bins') }} as bins
inner join {{ ref('run_history') }} as history
    on bins.run_id = history.run_id
where history.is_latest
