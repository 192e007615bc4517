{#- One row on a raw table: rows read, rows without a whole key, and rows beyond the first of
    their key. -#}
{% macro raw_row_counts(entity, key_columns, is_scoped=true) -%}
    {%- set has_key = key_columns | join(' is not null and ') ~ ' is not null' -%}
    {%- set raw_keys -%}
        (
            select
                {%- for column in key_columns %}
                {{ scoped_id(column) if is_scoped else clean_id(column) }} as {{ column }}{{ ',' if not loop.last }}
                {%- endfor %}
            from {{ source('raw', entity) }}
        ) as raw_keys
    {%- endset -%}
    select
        '{{ entity }}' as entity,
        row_counts.read_count,
        row_counts.missing_key_count,
        duplicates.duplicate_count
    from (
        select
            count(*) as read_count,
            count(case when not ({{ has_key }}) then 1 end) as missing_key_count
        from {{ raw_keys }}
    ) as row_counts
    cross join (
        select coalesce(sum(row_count - 1), 0) as duplicate_count
        from (
            select
                {{ key_columns | join(', ') }},
                count(*) as row_count
            from {{ raw_keys }}
            where
                {{ has_key }}
                and {{ row_hash(key_columns) }} in ({{ repeated_hashes(raw_keys, key_columns, has_key) }})
            group by {{ key_columns | join(', ') }}
        ) as rows_per_key
    ) as duplicates
{%- endmacro %}
