{% set renamed %}
    select
        {{ scoped_id('client_id') }} as client_id,
        {{ clean_id('attribute') }} as attribute,
        {{ clean_id('value') }} as value,
        {{ finite_or_null('coalesce(value_number, ' ~ number_or_null('value') ~ ')') }}
            as value_number,
        updated_at,
        source_file,
        source_line,
        loaded_at
    from {{ source('raw', 'client_attributes') }}
{% endset -%}
{% set key = ['client_id', 'attribute'] -%}
{{ newest_rows(
    renamed, key, key + ['value', 'value_number', 'updated_at', 'loaded_at'],
    stated_at='updated_at'
) }}
