{%- set measures = {
    'event_count': 'count(*) filter (where is_known)',
    'cart_count': "count(*) filter (where is_known and event_type = 'cart')",
    'event_count_30d': 'count(*) filter (where age_days <= 30)',
    'days_since_last': 'min(age_days)',
    'known_at': 'max(occurred_at) filter (where is_known)',
} -%}
with

activity as (

    {{ side_by_side(ref('int_web_events_by_fold'), ['client_idx'], measures) }}

)

{{ one_row_per_fold('activity', ['client_idx'], measures) }}
