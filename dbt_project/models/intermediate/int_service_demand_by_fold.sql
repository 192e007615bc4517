{%- set buyer_30d = 'case when age_days <= 30 and not is_refund then client_idx end' -%}
{%- set unit_price = 'case when is_known and not is_refund then net_amount / net_quantity end' -%}
{%- set measures = {
    'event_count': 'count(*) filter (where is_known)',
    'refund_count': 'count(*) filter (where is_known and is_refund)',
    'purchase_count': 'count(*) filter (where is_known and not is_refund)',
    'purchase_count_30d': 'count(*) filter (where age_days <= 30 and not is_refund)',
    'purchase_count_90d': 'count(*) filter (where age_days <= 90 and not is_refund)',
    'discounted_count': "count(*) filter (where is_known and event_kind = 'discounted_purchase')",
} -%}
{%- for quarter in [1, 2, 3, 4] -%}
    {%- do measures.update({
        'purchase_count_q' ~ quarter: 'count(*) filter ('
        ~ 'where is_known and not is_refund and quarter_number = ' ~ quarter ~ ')',
    }) -%}
{%- endfor -%}
{%- do measures.update({
    'buyer_count_30d': 'count(distinct ' ~ buyer_30d ~ ')',
    'median_price': quantile(unit_price, 0.5),
    'days_since_first': 'max(age_days)',
    'known_at': 'max(occurred_at) filter (where is_known)',
}) -%}
with

demand as (

    {{ side_by_side(ref('int_events_by_fold'), ['service_idx'], measures) }}

)

{{ one_row_per_fold('demand', ['service_idx'], measures) }}
