with

services as (

    select * from {{ ref('int_services_classified') }}
    where rejection_reason is null

),

purchases as (

    select * from {{ ref('fct_interactions') }}
    where event_kind in ('purchase', 'discounted_purchase')

),

service_sales as (

    select
        service_id,
        {{ ratio(exact_sum('amount'), 'count(*)') }} as average_amount,
        min(occurred_at) as first_purchased_at
    from purchases
    group by service_id

),

partner_sales as (

    select
        partner_id,
        {{ ratio(exact_sum('amount'), 'count(*)') }} as average_amount
    from purchases
    group by partner_id

),

priced as (

    select
        services.service_id,
        services.service_name,
        services.partner_id,
        services.service_category,
        -- A price of zero or below is no price; what clients paid stands in, and for a service
        -- that nobody bought yet what they pay for the partner's other services.
        coalesce(
            case when services.typical_price > 0 then services.typical_price end,
            service_sales.average_amount,
            partner_sales.average_amount,
            0
        ) as typical_price,
        coalesce(services.margin_rate, {{ var('default_margin_rate') }}) as margin_rate,
        services.margin_rate is null as is_margin_assumed,
        services.private_label_share,
        services.is_repeatable,
        services.launched_at,
        coalesce(services.launched_at, service_sales.first_purchased_at) as on_sale_from_at,
        services.withdrawn_at,
        services.regions,
        services.min_age,
        services.max_age,
        services.is_offered,
        services.are_limits_unreadable
    from services
    left join service_sales on services.service_id = service_sales.service_id
    left join partner_sales on services.partner_id = partner_sales.partner_id

)

select
    service_id,
    -- Dense and zero-based: the column number of the service in every matrix.
    cast(row_number() over (order by service_id) - 1 as int) as service_idx,
    service_name,
    partner_id,
    service_category,
    cast(typical_price as double) as typical_price,
    cast(margin_rate as double) as margin_rate,
    cast(typical_price * margin_rate as double) as unit_margin,
    is_margin_assumed,
    cast({{ text_or_null(var('currency')) }} as {{ dbt.type_string() }}) as currency,
    private_label_share,
    is_repeatable,
    launched_at,
    on_sale_from_at,
    withdrawn_at,
    regions,
    min_age,
    max_age,
    is_offered,
    are_limits_unreadable
from priced
