{#- dbt's columns and constraints of a contracted table, without its primary key: an index over
    millions of keys costs more than the table and has to fit into memory. That keys are unique is
    what the tests say, before anything is built on the table. Tables that the jobs append to keep
    theirs: no test stands between a job and its rows. -#}
{% macro duckdb__get_table_columns_and_constraints() -%}
    {%- if config.get('materialized') == 'ml_table' -%}
        {{ return(default__get_table_columns_and_constraints()) }}
    {%- endif -%}
    {%- set columns = {} -%}
    {%- for name, column in model['columns'].items() -%}
        {%- do columns.update({name: dict(column, constraints=without_primary_keys(column['constraints']))}) -%}
    {%- endfor -%}
    {%- set clauses = (
        adapter.render_raw_columns_constraints(raw_columns=columns)
        + adapter.render_raw_model_constraints(raw_constraints=without_primary_keys(model['constraints']))
    ) -%}
    ({{ clauses | join(', ') }})
{%- endmacro %}


{#- The constraints of a column or a model that are no primary key. -#}
{% macro without_primary_keys(constraints) -%}
    {{ return(constraints | rejectattr('type', 'equalto', 'primary_key') | list) }}
{%- endmacro %}


{#- A number for the values of some columns: equal values have equal numbers, and two that differ
    hardly ever do. Numbers are grouped in a fraction of the memory that texts take. -#}
{% macro row_hash(columns) -%}
    {{ return(adapter.dispatch('row_hash', 'cross_sell')(columns)) }}
{%- endmacro %}

{% macro default__row_hash(columns) -%}
    xxhash64({{ columns | join(', ') }})
{%- endmacro %}

{% macro duckdb__row_hash(columns) -%}
    hash({{ columns | join(', ') }})
{%- endmacro %}


{#- Hashes that more than one row of a relation has: every key that is there twice, and now and then
    one that only looks so. Whoever uses them compares the keys themselves. -#}
{% macro repeated_hashes(relation, columns, condition='true') -%}
    select {{ row_hash(columns) }} as key_hash
    from {{ relation }}
    where {{ condition }}
    group by {{ row_hash(columns) }}
    having count(*) > 1
{%- endmacro %}


{#- The rows of a select, one per key: of several the newest, as `newest_first` orders them. Rows
    without a whole key are left out. Only rows whose key is there twice are sorted; the select
    stands here three times, and hashes are looked up with in: named once, or joined on an expression, all
    its rows would be kept in memory. -#}
{% macro newest_rows(selected_rows, key_columns, columns, stated_at=none, strictest=[]) -%}
    {%- set has_key = key_columns | join(' is not null and ') ~ ' is not null' -%}
    with

    repeated_keys as (

        {{ repeated_hashes('(' ~ selected_rows ~ ') as all_rows', key_columns, has_key) }}

    ),

    single_rows as (

        select all_rows.*
        from ({{ selected_rows }}) as all_rows
        where
            {{ has_key }}
            and {{ row_hash(key_columns) }} not in (select key_hash from repeated_keys)

    ),

    newest_of_several as (

        select all_rows.*
        from ({{ selected_rows }}) as all_rows
        where
            {{ has_key }}
            and {{ row_hash(key_columns) }} in (select key_hash from repeated_keys)
        qualify row_number() over (
            partition by {{ key_columns | join(', ') }}
            order by {{ newest_first(columns, stated_at, strictest) }}
        ) = 1

    )

    select
        {{ columns | join(',\n        ') }}
    from single_rows

    union all

    select
        {{ columns | join(',\n        ') }}
    from newest_of_several
{%- endmacro %}
