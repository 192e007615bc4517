{#- One row on a raw table: rows read, rows without a whole key, and rows beyond the first of
    their key. All in one pass, and from the raw rows alone. -#}
{% macro raw_row_counts(entity, key_columns, is_scoped=true, told_apart_by=none) -%}
    {%- set has_key = key_columns | join(' is not null and ') ~ ' is not null' -%}
    select
        '{{ entity }}' as entity,
        read_count,
        read_count - keyed_count as missing_key_count,
        keyed_count - key_count as duplicate_count
    from (
        select
            count(*) as read_count,
            count(case when {{ has_key }} then 1 end) as keyed_count,
            {{ distinct_keys(
                key_columns + (['told_apart_by'] if told_apart_by else []), has_key
            ) }} as key_count
        from (
            select
                {%- for column in key_columns %}
                {{ scoped_id(column) if is_scoped else clean_id(column) }} as {{ column }}{{ ',' if not loop.last }}
                {%- endfor %}
                {%- if told_apart_by %},
                {{ told_apart_by }} as told_apart_by
                {%- endif %}
            from {{ source('raw', entity) }}
        ) as raw_keys
    ) as row_counts
{%- endmacro %}


{#- Aggregate: how many different keys there are, told apart by two hashes of each. One alone might take
    two of billions of keys for the same; and two numbers take less memory than a text. -#}
{% macro distinct_keys(key_columns, condition) -%}
    {%- set marked = [] -%}
    {%- for column in key_columns -%}
        {%- do marked.append("'#' || " ~ column) -%}
    {%- endfor -%}
    {{ return(adapter.dispatch('distinct_pairs', 'cross_sell')(row_hash(key_columns), row_hash(marked), condition)) }}
{%- endmacro %}

{% macro default__distinct_pairs(first, second, condition) -%}
    count(distinct {{ first }}, {{ second }}) filter (where {{ condition }})
{%- endmacro %}

{% macro duckdb__distinct_pairs(first, second, condition) -%}
    count(distinct row({{ first }}, {{ second }})) filter (where {{ condition }})
{%- endmacro %}
