with

offers as (

    select * from {{ ref('cross_sell_scores') }}

),

partners as (

    select * from {{ ref('dim_partners') }}

)

select
    offers.run_id,
    offers.partner_id,
    partners.partner_name,
    offers.offer_rank,
    count(*) as offer_count,
    {{ exact_sum('offers.probability') }} as expected_conversion_count,
    {{ exact_sum('offers.expected_margin') }} as expected_margin
from offers
inner join partners
    on offers.partner_id = partners.partner_id
group by offers.run_id, offers.partner_id, partners.partner_name, offers.offer_rank
