{%- set measures = {
    'event_count': 'count(*) filter (where is_known)',
    'cart_count': "count(*) filter (where is_known and event_type = 'cart')",
    'event_count_30d': 'count(*) filter (where age_days <= 30)',
    'known_at': 'max(occurred_at) filter (where is_known)',
} -%}
with

demand as (

    {{ side_by_side(
        ref('int_web_events_by_fold'), ['service_idx'], measures, condition='service_idx is not null'
    ) }}

)

{{ one_row_per_fold('demand', ['service_idx'], measures) }}
