{#- What shops sell beside services, as a whole name, and as a part of one. -#}
{%- set charges = [
    'adjustment', 'carriage', 'commission', 'correction', 'delivery', 'discount', 'fee', 'fees',
    'freight', 'gift wrap', 'handling', 'manual', 'packaging', 'rounding', 'samples', 'shipping',
    'доставка', 'комиссия', 'корректировка', 'округление', 'скидка', 'упаковка',
] -%}
{%- set parts_of_charges = [
    'bad debt', 'bank charges', 'delivery charge', 'delivery cost', 'delivery fee', 'postage',
    'service charge', 'shipping cost', 'shipping fee', 'почтовые расходы', 'стоимость доставки',
] -%}
with

purchases as (

    select
        client_id,
        service_id,
        partner_id,
        quantity,
        amount
    from {{ ref('fct_interactions') }}
    where event_kind <> 'refund'

),

services as (

    select
        service_id,
        lower(trim(service_name)) as service_name
    from {{ ref('dim_services') }}
    where is_offered

),

pairs as (

    select
        client_id,
        service_id,
        count(*) as line_count
    from purchases
    group by client_id, service_id

),

buyers as (

    select
        client_id,
        count(*) as service_count,
        sum(line_count) as line_count
    from pairs
    group by client_id

),

sold_services as (

    select
        service_id,
        count(*) as client_count,
        sum(line_count) as line_count,
        row_number() over (order by count(*) desc, service_id) as place,
        lead(count(*)) over (order by count(*) desc, service_id) as next_client_count
    from pairs
    group by service_id

),

all_buyers as (

    select
        count(*) as client_count,
        sum(line_count) as line_count,
        {{ quantile('line_count', 0.5) }} as usual_line_count,
        {{ quantile('service_count', 0.5) }} as usual_service_count
    from buyers

),

all_sold_services as (

    select count(*) as service_count from sold_services

),

clients_beyond_others as (

    select
        'client_beyond_others' as suspicion,
        buyers.client_id as subject_id,
        buyers.line_count,
        {{ percentage('buyers.line_count', 'all_buyers.line_count') }} || ' of all sales lines and '
        || {{ percentage('buyers.service_count', 'all_sold_services.service_count') }}
        || ' of all services: sales without a client?' as observation,
        'map the id to nothing in mapping.yml (values: client_id), or leave it null' as remedy
    from buyers
    cross join all_buyers
    cross join all_sold_services
    where
        all_buyers.client_count >= 10
        and (
            (
                buyers.line_count >= 0.05 * all_buyers.line_count
                and buyers.line_count >= 20 * all_buyers.usual_line_count
            )
            or (
                all_sold_services.service_count >= 20
                and buyers.service_count >= 0.8 * all_sold_services.service_count
                and buyers.service_count >= 5 * all_buyers.usual_service_count
            )
        )

),

services_beyond_others as (

    select
        'service_beyond_others' as suspicion,
        services.service_id as subject_id,
        sold_services.line_count,
        'bought by ' || {{ percentage('sold_services.client_count', 'all_buyers.client_count') }}
        || ' of all clients: is it a service?' as observation,
        'else name it in the var excluded_services, or set services.is_offered to false' as remedy
    from sold_services
    inner join services on sold_services.service_id = services.service_id
    cross join all_buyers
    cross join all_sold_services
    where
        all_sold_services.service_count >= 10
        and sold_services.client_count >= 0.5 * all_buyers.client_count
        and sold_services.place = 1
        and sold_services.client_count >= 2 * sold_services.next_client_count

),

named_like_charges as (

    select
        'named_like_a_charge' as suspicion,
        services.service_id as subject_id,
        coalesce(sold_services.line_count, 0) as line_count,
        'named ''' || services.service_name || ''': is it a service?' as observation,
        'else name it in the var excluded_services, or set services.is_offered to false' as remedy
    from services
    left join sold_services on services.service_id = sold_services.service_id
    where
        services.service_name in (
            {%- for name in charges %}
                '{{ name }}'{{ ',' if not loop.last }}
            {%- endfor %}
        )
        {%- for part in parts_of_charges %}
            or ' ' || services.service_name || ' ' like '% {{ part }} %'
        {%- endfor %}

),

-- Quantities in the thousands are no units.
amounts as (

    select
        partner_id,
        service_id,
        ln(amount) as log_amount,
        count(*) as line_count,
        min(quantity) <> max(quantity) as is_of_several_quantities,
        sum(ln(quantity)) as log_quantity_sum,
        sum(ln(quantity) * ln(quantity)) as log_quantity_square_sum
    from purchases
    where quantity between 1 and 1000 and amount >= {{ var('smallest_amount') }}
    group by partner_id, service_id, amount

),

-- Of one service: how amounts and quantities deviate from their means, together.
amounts_of_services as (

    select
        partner_id,
        service_id,
        sum(line_count) as line_count,
        sum(case when is_of_several_quantities then line_count else 0 end) as repeated_count,
        sum(log_amount * log_quantity_sum)
        - sum(line_count * log_amount) * sum(log_quantity_sum) / sum(line_count)
            as joint_deviation,
        sum(log_quantity_square_sum)
        - sum(log_quantity_sum) * sum(log_quantity_sum) / sum(line_count) as squared_deviation
    from amounts
    group by partner_id, service_id

),

amounts_of_partners as (

    select
        partner_id,
        sum(line_count) as line_count,
        sum(repeated_count) as repeated_count,
        sum(joint_deviation) as joint_deviation,
        sum(squared_deviation) as squared_deviation
    from amounts_of_services
    group by partner_id

),

unit_prices as (

    select
        'amount_is_unit_price' as suspicion,
        partner_id as subject_id,
        line_count,
        'amounts do not grow with quantities: is amount the price of one unit?' as observation,
        'map what was paid for the line to amount, or compute it: quantity * unit price' as remedy
    from amounts_of_partners
    where
        repeated_count >= 20
        and repeated_count >= 0.5 * line_count
        -- Of totals the quotient is about 1, of unit prices about 0.
        and squared_deviation > 0.01
        and joint_deviation < 0.1 * squared_deviation

),

suspicions as (

    select * from clients_beyond_others
    union all
    select * from services_beyond_others
    union all
    select * from named_like_charges
    union all
    select * from unit_prices

)

select
    suspicion,
    subject_id,
    cast(line_count as bigint) as line_count,
    observation,
    remedy
from suspicions
