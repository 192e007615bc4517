{#-
    A table that is left as it is while nothing that it is made of has changed: neither its SQL, vars
    included, nor a row of its parents. Parents are compared by the hashes of all their rows, or, where
    they are kept tables too, by what those were made of; so late, corrected and deleted rows are all
    seen. Under --full-refresh it is always built. For tables that cost much more than reading their
    parents once and that new events seldom touch.
-#}
{% materialization kept_table, default %}

    {%- do run_query(create_kept_states()) -%}
    {%- do adapter.commit() -%}
    {%- set existing_relation = load_cached_relation(this) -%}
    {%- set made_of = local_md5(sql ~ states_of_parents() | join(',')) -%}
    {%- set is_kept = (
        existing_relation is not none
        and existing_relation.is_table
        and not should_full_refresh()
        and kept_state(this) == made_of
    ) -%}

    {% if is_kept %}
        {{ run_hooks(pre_hooks) }}
        {# dbt wants one statement named main from every model. #}
        {% call statement('main') -%}
            select 1 as is_kept
        {%- endcall %}
        {{ run_hooks(post_hooks) }}
        {% do adapter.commit() %}
        {{ return({'relations': [this.incorporate(type='table')]}) }}
    {% endif %}

    {#- Forgotten first: a build that breaks off leaves a table of unknown origin. -#}
    {% do run_query(forget_kept_state(this)) %}
    {% do adapter.commit() %}
    {% set built = context['materialization_table_' ~ target.type]() %}
    {% do run_query(remember_kept_state(this, made_of)) %}
    {% do adapter.commit() %}
    {{ return(built) }}

{% endmaterialization %}


{#- The table that remembers what kept tables were made of. -#}
{% macro kept_states() -%}
    {{ return(api.Relation.create(database=target.database, schema='intermediate', identifier='kept_states')) }}
{%- endmacro %}


{% macro create_kept_states() -%}
    create table if not exists {{ kept_states() }} (table_name {{ dbt.type_string() }}, made_of {{ dbt.type_string() }})
{%- endmacro %}


{#- What the table was made of when it was last built; none where that is not known. -#}
{% macro kept_state(relation) -%}
    {%- set rows = run_query(
        "select made_of from " ~ kept_states() ~ " where table_name = '" ~ relation.identifier ~ "'"
    ) -%}
    {{ return(rows.columns[0].values() | first if rows | length == 1 else none) }}
{%- endmacro %}

{% macro forget_kept_state(relation) -%}
    delete from {{ kept_states() }} where table_name = '{{ relation.identifier }}'
{%- endmacro %}

{% macro remember_kept_state(relation, made_of) -%}
    insert into {{ kept_states() }} values ('{{ relation.identifier }}', '{{ made_of }}')
{%- endmacro %}


{#- One text per parent of the model: what a kept table was made of, the hashes of any other's rows. -#}
{% macro states_of_parents() -%}
    {%- set states = [] -%}
    {%- for parent_id in model.depends_on.nodes | sort -%}
        {%- set parent = graph.nodes.get(parent_id) or graph.sources[parent_id] -%}
        {%- set relation = api.Relation.create(
            database=parent.database, schema=parent.schema, identifier=parent.alias or parent.identifier
        ) -%}
        {%- if parent.config.materialized == 'kept_table' -%}
            {%- do states.append(kept_state(relation) or modules.datetime.datetime.now().isoformat()) -%}
        {%- else -%}
            {%- set columns = adapter.get_columns_in_relation(relation) | map(attribute='quoted') | list -%}
            {%- set rows = run_query(
                'select count(*), sum(cast(' ~ row_hash(columns) ~ ' as decimal(38, 0))) from ' ~ relation
            ) -%}
            {%- do states.append(rows.rows[0].values() | join(':')) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(states) }}
{%- endmacro %}
