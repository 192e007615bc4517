-- What one sale earned at each run's cutoffs. Prices that no partner states come from what clients
-- paid, as in dim_services.
with

runs as (

    select
        run_id,
        as_of_at,
        {{ horizon_or_var('horizon_days') }} as horizon_days
    from {{ ref('runs') }}

),

folds as (

    select
        run_id,
        'validation' as fold,
        {{ add_days('as_of_at', '-2 * horizon_days') }} as cutoff_at
    from runs

    union all

    select
        run_id,
        'test' as fold,
        {{ add_days('as_of_at', '-horizon_days') }} as cutoff_at
    from runs

),

services as (

    select * from {{ ref('dim_services') }}

),

versions as (

    select * from {{ ref('int_service_versions') }}

)

select
    folds.run_id,
    folds.fold,
    services.service_id,
    case
        when versions.service_id is null then services.unit_margin
        else
            coalesce(
                case when versions.typical_price > 0 then versions.typical_price end,
                services.typical_price
            ) * coalesce(versions.margin_rate, {{ var('default_margin_rate') }})
    end as unit_margin
from services
cross join folds
left join versions
    on
        services.service_id = versions.service_id
        and {{ holds_at('folds.cutoff_at', 'versions') }}
