{#-
    A table that the Python jobs write and dbt describes.

    The first build creates it, empty, from the contract in the YAML: types, not null and
    primary key. Later builds only check that the contracted columns are there with their
    types, and add optional ones that the contract has gained; they never touch the rows, not
    under --full-refresh either. The model's SQL is a
    typed empty select; its `depends_on` comments carry the lineage.

    In YAML each constraint says `warn_unsupported: false`: dbt warns about constraints in
    every materialization but its own, and this one does enforce them.
-#}
{% materialization ml_table, default %}

    {%- set existing_relation = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type='table') -%}

    {{ run_hooks(pre_hooks) }}

    {% if existing_relation is none %}
        {% call statement('main') -%}
            {{ create_table_as(false, target_relation, sql) }}
        {%- endcall %}
        {% do persist_docs(target_relation, model) %}
    {% else %}
        {% do add_optional_columns(existing_relation) %}
        {% do check_ml_table(existing_relation) %}
        {# dbt wants one statement named main from every model. #}
        {% call statement('main') -%}
            select 1 as is_kept
        {%- endcall %}
        {% do persist_docs(target_relation, model) %}
    {% endif %}

    {{ run_hooks(post_hooks) }}

    {% do adapter.commit() %}

    {{ return({'relations': [target_relation]}) }}

{% endmaterialization %}


{#- Columns that the contract has gained and that may be empty: earlier runs have no value there. -#}
{% macro add_optional_columns(relation) %}
    {% if relation.is_table %}
        {% set known = adapter.get_columns_in_relation(relation) | map(attribute='name') | map('lower') | list %}
        {% for column in get_column_schema_from_query(get_empty_schema_sql(model['columns'])) %}
            {% set constraints = model['columns'][column.name]['constraints'] | map(attribute='type') | list %}
            {% if column.name | lower not in known and 'not_null' not in constraints %}
                {% do run_query(
                    'alter table ' ~ relation ~ ' add column ' ~ adapter.quote(column.name) ~ ' ' ~ column.dtype
                ) %}
            {% endif %}
        {% endfor %}
    {% endif %}
{% endmacro %}


{#- Stop with one clear error where a table does not hold the columns of its contract. -#}
{% macro check_ml_table(relation) %}
    {% set table_name = relation.schema ~ '.' ~ relation.identifier %}
    {% set way_out = (
        "dbt never rebuilds this table, because it holds earlier runs. Either mend it with ALTER TABLE, "
        ~ "or move it away (alter table " ~ table_name ~ " rename to " ~ relation.identifier ~ "_old)"
        ~ ", then run dbt build again: it creates the table anew."
    ) %}
    {% if not relation.is_table %}
        {{ exceptions.raise_compiler_error(
            table_name ~ " is a " ~ relation.type ~ ", but the jobs write to a table. " ~ way_out
        ) }}
    {% endif %}

    {% set actual_types = {} %}
    {% for column in adapter.get_columns_in_relation(relation) %}
        {% do actual_types.update({column.name | lower: column.dtype | lower}) %}
    {% endfor %}

    {% set problems = [] %}
    {# An empty select asks the engine how it spells the contract's types. #}
    {% for column in get_column_schema_from_query(get_empty_schema_sql(model['columns'])) %}
        {% set column_name = column.name | lower %}
        {% if column_name not in actual_types %}
            {% do problems.append("column " ~ column_name ~ " (" ~ column.dtype | lower ~ ") is missing") %}
        {% elif actual_types[column_name] != column.dtype | lower %}
            {% do problems.append(
                "column " ~ column_name ~ " is " ~ actual_types[column_name]
                ~ " and should be " ~ column.dtype | lower
            ) %}
        {% endif %}
    {% endfor %}

    {% if problems %}
        {{ exceptions.raise_compiler_error(
            table_name ~ " does not match its contract: " ~ problems | join("; ") ~ ". " ~ way_out
        ) }}
    {% endif %}
{% endmacro %}
