with

deciles as (

    select
        run_id,
        fold,
        model_name,
        decile,
        count(*) as offer_count,
        avg(probability) as mean_probability,
        count(*) filter (where is_converted) as conversion_count
    from {{ ref('int_holdout_offers') }}
    group by run_id, fold, model_name, decile

),

totals as (

    select
        *,
        sum(conversion_count) over (
            partition by run_id, fold, model_name
            order by decile
            rows between unbounded preceding and current row
        ) as cumulative_conversion_count,
        sum(conversion_count) over (partition by run_id, fold, model_name)
            as total_conversion_count,
        sum(offer_count) over (partition by run_id, fold, model_name) as total_offer_count
    from deciles

)

select
    run_id,
    fold,
    model_name,
    decile,
    offer_count,
    mean_probability,
    conversion_count,
    {{ ratio('conversion_count', 'offer_count') }} as conversion_rate,
    {{ ratio('conversion_count', 'offer_count') }}
    / nullif({{ ratio('total_conversion_count', 'total_offer_count') }}, 0) as lift,
    cast(cumulative_conversion_count as bigint) as cumulative_conversion_count,
    {{ ratio('cumulative_conversion_count', 'total_conversion_count') }} as gain
from totals
