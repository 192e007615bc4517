{%- set groups = ['predictions.run_id', 'predictions.fold', 'predictions.model_name'] -%}
with

predictions as (

    select * from {{ ref('holdout_predictions') }}

),

-- The first runs kept only clients with positives, and had the champion's probabilities
-- alone: no population to judge offers by. Their metrics know no deciles.
judged as (

    select
        run_id,
        fold,
        model_name
    from {{ ref('metrics') }}
    where
        metric = 'conversions_top_decile'
        and segment = 'all'

)

select
    predictions.run_id,
    predictions.fold,
    predictions.model_name,
    predictions.client_id,
    predictions.service_id,
    predictions.probability,
    predictions.is_positive as is_converted,
    {{ mass_bin('predictions.probability', groups, 10, 'desc') }} as decile,
    {{ mass_bin('predictions.probability', groups, 20) }} as calibration_bin
from predictions
inner join judged
    on
        predictions.run_id = judged.run_id
        and predictions.fold = judged.fold
        and predictions.model_name = judged.model_name
where predictions.candidate_rank <= {{ var('judged_offers_per_client') }}
