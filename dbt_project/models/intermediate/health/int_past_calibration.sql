with

binned_offers as (

    select
        run_id,
        probability,
        case when is_converted then 1 else 0 end as outcome,
        {{ mass_bin('probability', ['run_id'], 20) }} as bin
    from {{ ref('int_past_offers') }}

),

bins as (

    select
        run_id,
        bin,
        count(*) as offer_count,
        abs({{ exact_sum('probability') }} - sum(outcome)) as error_sum
    from binned_offers
    group by run_id, bin

)

-- Each bin's distance between what was said and what happened, weighted by its offers.
select
    run_id,
    {{ ratio(exact_sum('error_sum'), 'sum(offer_count)') }} as calibration_error
from bins
group by run_id
