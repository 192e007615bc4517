{#- One row on a raw table: rows read, rows without a whole key, and rows beyond the first of
    their key. -#}
{% macro raw_row_counts(entity, key_columns, is_scoped=true) -%}
    {%- set has_key = key_columns | join(' is not null and ') ~ ' is not null' -%}
    select
        '{{ entity }}' as entity,
        coalesce(sum(row_count), 0) as read_count,
        coalesce(sum(case when not ({{ has_key }}) then row_count end), 0) as missing_key_count,
        coalesce(sum(case when {{ has_key }} then row_count - 1 end), 0) as duplicate_count
    from (
        select
            {%- for column in key_columns %}
            {{ column }},
            {%- endfor %}
            count(*) as row_count
        from (
            select
                {%- for column in key_columns %}
                {{ scoped_id(column) if is_scoped else clean_id(column) }} as {{ column }}{{ ',' if not loop.last }}
                {%- endfor %}
            from {{ source('raw', entity) }}
        ) as raw_keys
        group by {{ key_columns | join(', ') }}
    ) as rows_per_key
{%- endmacro %}
