{#- Since when a row's content holds: as the partner states it, else when it was loaded. Never later
    than that: what is loaded is used. A row without either has always been so. -#}
{% macro stated_from(updated_at, loaded_at) -%}
    coalesce(least({{ updated_at }}, {{ loaded_at }}), {{ updated_at }}, {{ loaded_at }}, {{ timestamp_literal('1900-01-01') }})
{%- endmacro %}


{#- Condition: the version of int_client_versions or int_service_versions that holds at a moment. Its
    very first moment counts, as with launches and withdrawals. -#}
{% macro holds_at(moment_at, versions) -%}
    (
        ({{ versions }}.holds_from_at is null or {{ versions }}.holds_from_at <= {{ moment_at }})
        and ({{ versions }}.holds_to_at is null or {{ versions }}.holds_to_at > {{ moment_at }})
    )
{%- endmacro %}


{#- dbt calls this for each build after the first of a snapshot. Where a new version says that it
    holds from before the version that it follows, dbt would write intervals that overlap or end
    before they begin. -#}
{% macro default__snapshot_staging_table(strategy, source_sql, target_relation) -%}
    {{ return(dbt.default__snapshot_staging_table(
        strategy, after_earlier_versions(strategy, source_sql, target_relation), target_relation
    )) }}
{%- endmacro %}


{#- The rows of a snapshot's source, each from when a new version of its key can begin: as it states
    where that is after all earlier versions, else when it was loaded, else right after them. -#}
{% macro after_earlier_versions(strategy, source_sql, target_relation) -%}
    {%- set columns = config.get('snapshot_table_column_names') or get_snapshot_table_column_names() -%}
    {%- set key = strategy.unique_key -%}
    select
        {%- for column in get_columns_in_query(source_sql) %}
        {% if column == strategy.updated_at -%}
            case
                when earlier.last_moment_at is null then source_rows.{{ column }}
                when source_rows.{{ column }} > earlier.last_moment_at then source_rows.{{ column }}
                when source_rows.loaded_at > earlier.last_moment_at then source_rows.loaded_at
                else {{ right_after('earlier.last_moment_at') }}
            end as {{ column }}
        {%- else -%}
            source_rows.{{ column }}
        {%- endif -%}
        {{ ',' if not loop.last }}
        {%- endfor %}
    from ({{ source_sql }}) as source_rows
    left join (
        select
            {{ key }},
            max(
                greatest({{ columns.dbt_valid_from }}, coalesce({{ columns.dbt_valid_to }}, {{ columns.dbt_valid_from }}))
            ) as last_moment_at
        from {{ target_relation }}
        group by {{ key }}
    ) as earlier
        on source_rows.{{ key }} = earlier.{{ key }}
{%- endmacro %}


{#- Statement after a snapshot: a version that was gone before it began never held. It takes a clock
    that was wrong, here or at a partner. -#}
{% macro forget_versions_that_never_held() -%}
    delete from {{ this }} where valid_to_at <= valid_from_at
{%- endmacro %}


{#- Before `run` and `test`, which take no snapshots: each snapshot's table where there is none yet,
    without rows, so that a fresh warehouse works with every command. Then every fold sees today. -#}
{% macro create_missing_snapshots() -%}
    {%- if execute and flags.WHICH in ('run', 'test') -%}
        {%- set additions = [] -%}
        {%- for node in graph.nodes.values() | selectattr('resource_type', 'equalto', 'snapshot') | sort(attribute='name') -%}
            {%- if adapter.get_relation(node.database, node.schema, node.alias) is none -%}
                {%- do additions.append(
                    'create schema if not exists ' ~ api.Relation.create(node.database, node.schema).without_identifier()
                ) -%}
                {%- do additions.append(empty_table(node)) -%}
            {%- endif -%}
        {%- endfor -%}
        {{- and_commit(additions) -}}
    {%- endif -%}
{%- endmacro %}
