{#-
    dbt's own snapshot, left out where nothing that it compares has changed since the last one, as with
    kept tables, and nobody has touched its rows: it would find no new version, at the cost of reading
    all versions several times.
-#}
{% materialization snapshot, adapter='duckdb' %}

    {%- set relation = adapter.get_relation(this.database, this.schema, this.identifier) -%}
    {%- set made_of = local_md5(
        state_of_code(sql ~ config.get('strategy') ~ config.get('check_cols') ~ config.get('hard_deletes'))
        ~ states_of_parents() | join(',')
    ) -%}
    {%- set is_there = relation is not none and not should_full_refresh() and kept_state(this) == made_of -%}

    {% if is_there and kept_state_of_sources(this).get('rows') == count_of_rows(relation) %}
        {% do keep_as_it_is() %}
        {{ return({'relations': [this.incorporate(type='table')]}) }}
    {% endif %}

    {% do forget_kept_state(this) %}
    {% set built = context['materialization_snapshot_default']() %}
    {% do remember_kept_state(this, made_of, {'rows': count_of_rows(this)}) %}
    {{ return(built) }}

{% endmaterialization %}


{#- How many rows a table has, as text. -#}
{% macro count_of_rows(relation) -%}
    {{ return(run_query('select count(*) from ' ~ relation).rows[0][0] | string) }}
{%- endmacro %}
