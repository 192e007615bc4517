{% set renamed %}
    select
        {{ scoped_id('review_id') }} as review_id,
        {{ scoped_id('client_id') }} as client_id,
        {{ scoped_id('service_id') }} as service_id,
        {{ finite_or_null('rating') }} as rating,
        reviewed_at,
        source_file,
        source_line,
        loaded_at
    from {{ source('raw', 'reviews') }}
{% endset -%}
{% set attributes = [
    'client_id',
    'service_id',
    'rating',
    'reviewed_at',
] -%}
{% set key = ['review_id'] -%}
{{ newest_rows(renamed, key, key + attributes + ['loaded_at']) }}
