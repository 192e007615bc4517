with

offers as (

    select
        *,
        cast(case when is_converted then 1 else 0 end as double) as outcome
    from {{ ref('int_holdout_offers') }}

),

sums as (

    select
        run_id,
        fold,
        model_name,
        count(*) as offer_count,
        count(distinct client_id) as client_count,
        count(*) filter (where is_converted) as conversion_count,
        avg(probability) as mean_probability,
        avg(outcome) as positive_rate,
        avg((probability - outcome) * (probability - outcome)) as brier_score
    from offers
    group by run_id, fold, model_name

),

calibration as (

    select
        run_id,
        fold,
        model_name,
        {{ ratio(
            'sum(offer_count * abs(conversion_rate - mean_probability))', 'sum(offer_count)'
        ) }} as calibration_error
    from {{ ref('int_holdout_calibration_bins') }}
    group by run_id, fold, model_name

),

top_deciles as (

    select * from {{ ref('int_holdout_deciles') }}
    where decile = 1

)

select
    sums.run_id,
    sums.fold,
    sums.model_name,
    sums.client_count,
    sums.offer_count,
    sums.conversion_count,
    sums.mean_probability,
    sums.positive_rate,
    sums.brier_score,
    calibration.calibration_error,
    top_deciles.lift as lift_top_decile,
    -- Where many equal probabilities leave the first decile empty, nothing converts in it.
    case
        when sums.conversion_count > 0 then coalesce(top_deciles.gain, 0)
    end as gain_top_decile,
    coalesce(top_deciles.conversion_count, 0) as conversions_top_decile
from sums
inner join calibration
    on
        sums.run_id = calibration.run_id
        and sums.fold = calibration.fold
        and sums.model_name = calibration.model_name
left join top_deciles
    on
        sums.run_id = top_deciles.run_id
        and sums.fold = top_deciles.fold
        and sums.model_name = top_deciles.model_name
