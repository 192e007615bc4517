{% set renamed %}
    select
        {{ scoped_id('event_id') }} as event_id,
        {{ scoped_id('client_id') }} as client_id,
        {{ scoped_id('service_id') }} as service_id,
        lower(trim(event_type)) as event_type,
        search_text,
        occurred_at,
        loaded_at
    from {{ source('raw', 'web_events') }}
{% endset -%}
{% set attributes = [
    'client_id',
    'service_id',
    'event_type',
    'search_text',
    'occurred_at',
] -%}
{% set key = ['event_id'] -%}
{{ newest_rows(renamed, key, key + attributes + ['loaded_at'], attributes) }}
