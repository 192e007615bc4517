{#-
    Compare the raw tables with what _raw__sources.yml declares, before anything is built on
    them, and stop with one line that says what is wrong and what to do. Runs on-run-start of
    the commands that read data; parsing, listing and docs need no warehouse.
-#}
{% macro check_raw_contract() -%}
    {%- if execute and flags.WHICH in ('build', 'run', 'test') -%}
        {%- set problems = [] -%}
        {#- What the hook then executes: empty tables and columns that nobody had to make. -#}
        {%- set additions = [] -%}
        {%- for source_node in graph.sources.values() | selectattr('source_name', 'equalto', 'raw') | sort(attribute='name') -%}
            {%- do problems.extend(raw_table_problems(source_node, additions)) -%}
        {%- endfor -%}

        {%- if problems -%}
            {%- set more = ' (and ' ~ (problems | length - 3) ~ ' more)' if problems | length > 3 else '' -%}
            {{ exceptions.raise_compiler_error(
                "The raw tables break their contract: " ~ problems[:3] | join("; ") ~ more
                ~ ". Run 'cross-sell load complete-journey', or map your data as docs/raw_contract.md says."
            ) }}
        {%- endif -%}
        {{- and_commit(additions) -}}
    {%- endif -%}
{%- endmacro %}


{#- Everything that is wrong with one raw table, as a list of short sentences. Statements that add
    what may be absent go to `additions`. -#}
{% macro raw_table_problems(source_node, additions) %}
    {% set table_name = source_node.source_name ~ '.' ~ source_node.name %}
    {% set relation = adapter.get_relation(source_node.database, source_node.schema, source_node.identifier) %}
    {% if relation is none and table_name in may_be_absent().tables %}
        {% do additions.append(empty_table(source_node)) %}
        {{ return([]) }}
    {% elif relation is none %}
        {{ return(["table " ~ table_name ~ " is missing"]) }}
    {% endif %}

    {% set found_types = {} %}
    {% for column in adapter.get_columns_in_relation(relation) %}
        {% do found_types.update({column.name | lower: portable_type(column.dtype)}) %}
    {% endfor %}

    {% set problems = [] %}
    {% for column in source_node.columns.values() %}
        {% set found_type = found_types.get(column.name | lower) %}
        {% if found_type is none and column.name in may_be_absent().columns and relation.is_table %}
            {% do additions.append(
                'alter table ' ~ relation ~ ' add column ' ~ column.name ~ ' ' ~ api.Column.translate_type(column.data_type)
            ) %}
        {% elif found_type is none %}
            {% do problems.append("column " ~ table_name ~ "." ~ column.name ~ " (" ~ column.data_type ~ ") is missing") %}
        {% elif found_type != column.data_type %}
            {% do problems.append(
                "column " ~ table_name ~ "." ~ column.name ~ " is " ~ found_type
                ~ " and must be " ~ column.data_type
            ) %}
        {% endif %}
    {% endfor %}

    {% if not source_node.meta.get('may_be_empty', false) %}
        {% set first_rows = run_query('select 1 as is_there from ' ~ relation ~ ' limit 1') %}
        {% if first_rows | length == 0 %}
            {% do problems.append("table " ~ table_name ~ " is empty") %}
        {% endif %}
    {% endif %}

    {{ return(problems) }}
{% endmacro %}


{#- What a raw schema may lack: it was made before these existed, or its partners deliver no such
    thing. They are then added, empty, so that nobody has to write columns of nulls. -#}
{% macro may_be_absent() %}
    {{ return({
        'tables': [
            'raw.partners', 'raw.clients', 'raw.services', 'raw.campaigns', 'raw.campaign_contacts',
            'raw.web_events', 'raw.reviews', 'raw.loaded_files', 'raw.rejected_rows',
            'raw.forgotten_clients', 'raw.client_attributes', 'raw.service_attributes',
        ],
        'columns': [
            'source_partner_id', 'source_file', 'email_hash', 'phone_hash', 'loyalty_hash',
            'birth_year', 'region', 'updated_at', 'regions', 'min_age', 'max_age', 'is_offered',
            'is_control', 'value_number', 'unread_columns', 'source_line', 'warned_count', 'warnings',
        ],
    }) }}
{% endmacro %}


{#- The statement that makes the table of a source or a snapshot as its YAML declares it, without
    rows. -#}
{% macro empty_table(node) %}
    {% set columns = [] %}
    {% for column in node.columns.values() %}
        {% do columns.append(column.name ~ ' ' ~ api.Column.translate_type(column.data_type)) %}
    {% endfor %}
    {{ return('create table ' ~ node.relation_name ~ ' (' ~ columns | join(', ') ~ ')') }}
{% endmacro %}


{#- The portable name of an engine's type; a type without one keeps its own name. -#}
{% macro portable_type(engine_type) %}
    {% set names = {'varchar': 'string', 'text': 'string', 'integer': 'int', 'long': 'bigint', 'bool': 'boolean'} %}
    {% set name = engine_type | lower | trim %}
    {{ return(names.get(name, name)) }}
{% endmacro %}


{#- What a hook executes: the statements, kept. dbt rolls back what a hook of this kind leaves open. -#}
{% macro and_commit(statements) -%}
    {%- if statements -%}
        {{ statements | join('; ') }}; commit; begin transaction
    {%- endif -%}
{%- endmacro %}
