select
    deciles.run_id,
    deciles.fold,
    deciles.model_name,
    deciles.decile,
    deciles.offer_count,
    deciles.mean_probability,
    deciles.conversion_count,
    deciles.conversion_rate,
    deciles.lift,
    deciles.cumulative_conversion_count,
    deciles.gain
from {{ ref('int_holdout_deciles') }} as deciles
inner join {{ ref('run_history') }} as history
    on deciles.run_id = history.run_id
where history.is_latest
