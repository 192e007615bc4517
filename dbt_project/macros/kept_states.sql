{#-
    What kept tables and tables of kept rows were last made of: one text for each table, and for tables of
    kept rows one for each source. Texts are hashes of content, so a table with the same text holds
    the same rows, whatever happened in between.
-#}
{% macro kept_states() -%}
    {{ return(kept_relation('kept_states')) }}
{%- endmacro %}

{% macro kept_sources() -%}
    {{ return(kept_relation('kept_sources')) }}
{%- endmacro %}

{% macro kept_relation(identifier) -%}
    {{ return(api.Relation.create(database=target.database, schema='intermediate', identifier=identifier)) }}
{%- endmacro %}


{#- Before anything is built: two models that made them at once would get in each other's way. -#}
{% macro create_kept_states() -%}
    {%- if execute and flags.WHICH in ('build', 'run', 'snapshot', 'retry') -%}
        {#- Opens a transaction, where the hooks before have opened none, for this one to commit. -#}
        {%- call statement('opens') -%} select 1 as is_open {%- endcall -%}
        {{- and_commit([
            'create schema if not exists ' ~ kept_states().without_identifier(),
            'create table if not exists ' ~ kept_states()
            ~ ' (table_name ' ~ dbt.type_string() ~ ', made_of ' ~ dbt.type_string() ~ ')',
            'create table if not exists ' ~ kept_sources()
            ~ ' (table_name ' ~ dbt.type_string() ~ ', source_name ' ~ dbt.type_string()
            ~ ', state ' ~ dbt.type_string() ~ ')',
        ]) -}}
    {%- endif -%}
{%- endmacro %}


{#- What the table was made of when it was last built; none where that is not known. -#}
{% macro kept_state(relation) -%}
    {%- set rows = run_query(
        "select made_of from " ~ kept_states() ~ " where table_name = '" ~ relation.identifier ~ "'"
    ) -%}
    {{ return(rows.columns[0].values() | first if rows | length == 1 else none) }}
{%- endmacro %}

{#- The same, source by source. -#}
{% macro kept_state_of_sources(relation) -%}
    {%- set states = {} -%}
    {%- if kept_state(relation) is not none -%}
        {%- set rows = run_query(
            "select source_name, state from " ~ kept_sources() ~ " where table_name = '" ~ relation.identifier ~ "'"
        ) -%}
        {%- for row in rows.rows -%}
            {%- do states.update({row[0]: row[1]}) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(states) }}
{%- endmacro %}

{#- Kept at once: from here on the table is of unknown origin, whenever the build breaks off. -#}
{% macro forget_kept_state(relation) -%}
    {% for states in (kept_states(), kept_sources()) -%}
        {%- do run_query("delete from " ~ states ~ " where table_name = '" ~ relation.identifier ~ "'") -%}
    {%- endfor -%}
    {%- do adapter.commit() -%}
{%- endmacro %}

{% macro remember_kept_state(relation, made_of, sources={}) -%}
    {%- for name, state in sources.items() -%}
        {%- do run_query(
            "insert into " ~ kept_sources() ~ " values ('" ~ relation.identifier ~ "', '" ~ name ~ "', '" ~ state ~ "')"
        ) -%}
    {%- endfor -%}
    {%- do run_query("insert into " ~ kept_states() ~ " values ('" ~ relation.identifier ~ "', '" ~ made_of ~ "')") -%}
    {%- do adapter.commit() -%}
{%- endmacro %}


{#- What a kept table does where nothing is to be built. -#}
{% macro keep_as_it_is() -%}
    {{ run_hooks(pre_hooks) }}
    {# dbt wants one statement named main from every model. #}
    {% call statement('main') -%}
        select 1 as is_kept
    {%- endcall %}
    {% do persist_docs(this.incorporate(type='table'), model) %}
    {{ run_hooks(post_hooks) }}
    {% do adapter.commit() %}
{%- endmacro %}


{#- A hash of the model's SQL, vars included, and of its contract. The name of the warehouse does not
    count: a copy of the file is as good. -#}
{% macro state_of_code(sql) -%}
    {%- set shape = [] -%}
    {%- for column in model['columns'].values() -%}
        {%- do shape.append([column['name'], column['data_type'], column['constraints'] | string]) -%}
    {%- endfor -%}
    {{ return(local_md5(
        sql | replace(adapter.quote(target.database) ~ '.', '') ~ shape ~ model['constraints'] | string
    )) }}
{%- endmacro %}


{#- One text per parent of the model, which differs once a row of it does. -#}
{% macro states_of_parents() -%}
    {%- set states = [] -%}
    {%- for parent_id in model.depends_on.nodes | sort -%}
        {%- do states.append(state_of_parent(graph.nodes.get(parent_id) or graph.sources[parent_id])) -%}
    {%- endfor -%}
    {{ return(states) }}
{%- endmacro %}

{#- Of what is kept itself: what it was made of. Of a view: its SQL and the states of its own parents, which
    are had more quickly than its rows. Of all else the rows; so too of a view whose meta says
    `is_compared_by_rows`, because it leaves out much that changes: what no fold may know of. -#}
{% macro state_of_parent(parent) -%}
    {%- set relation = relation_of(parent) -%}
    {%- if is_kept(parent) -%}
        {{ return(kept_state(relation) or modules.datetime.datetime.now().isoformat()) }}
    {%- endif -%}
    {%- set is_view = parent.resource_type == 'model' and parent.config.materialized == 'view' -%}
    {%- if is_view and not parent.config.meta.get('is_compared_by_rows') -%}
        {%- set texts = [local_md5(view_definition(relation))] -%}
        {%- for parent_id in parent.depends_on.nodes | sort -%}
            {%- do texts.append(state_of_parent(graph.nodes.get(parent_id) or graph.sources[parent_id])) -%}
        {%- endfor -%}
        {{ return(texts | join(',')) }}
    {%- endif -%}
    {%- set rows = run_query('select ' ~ state_of_rows(relation) ~ ' from ' ~ relation) -%}
    {{ return(rows.rows[0].values() | join(':')) }}
{%- endmacro %}

{% macro is_kept(node) -%}
    {{ return(node.resource_type == 'model' and node.config.materialized in ('kept_table', 'kept_rows')) }}
{%- endmacro %}


{#- The SQL of a view, as the engine has it. -#}
{% macro view_definition(relation) -%}
    {{ return(adapter.dispatch('view_definition', 'cross_sell')(relation)) }}
{%- endmacro %}

{% macro default__view_definition(relation) -%}
    {{ return(run_query('show create table ' ~ relation).rows[0][0]) }}
{%- endmacro %}

{% macro duckdb__view_definition(relation) -%}
    {%- set rows = run_query(
        "select sql from duckdb_views() where database_name = '" ~ relation.database
        ~ "' and schema_name = '" ~ relation.schema ~ "' and view_name = '" ~ relation.identifier ~ "'"
    ).rows -%}
    {{ return(rows[0][0] if rows else none) }}
{%- endmacro %}


{% macro relation_of(node) -%}
    {{ return(api.Relation.create(database=node.database, schema=node.schema, identifier=node.alias or node.identifier)) }}
{%- endmacro %}

{#- Aggregates: how many rows, and the sum of the hashes of all their columns. Hashed twice: where
    only their last columns differ, hashes are too alike to be added up. -#}
{% macro state_of_rows(relation) -%}
    {%- set columns = adapter.get_columns_in_relation(relation) | map(attribute='quoted') | list -%}
    count(*) as row_count, sum(cast({{ row_hash([row_hash(columns)]) }} as decimal(38, 0))) as row_sum
{%- endmacro %}
