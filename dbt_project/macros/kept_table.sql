{#-
    A table that is left as it is while nothing that it is made of has changed: neither its SQL, vars
    included, nor its contract, nor a row of its parents. Parents are compared by the hashes of all
    their rows, or, where they are kept too, by what those were made of; so late, corrected and
    deleted rows are all seen. Under --full-refresh it is always built. For tables that cost much
    more than reading their parents once and that new events seldom touch.

    Where the model's meta has `tells_changes` (a key, and the columns that others join by it), the
    table is compared with the one before it when it is built, and tables of kept rows that join
    it learn which keys have changed.
-#}
{% materialization kept_table, default %}

    {%- set existing_relation = load_cached_relation(this) -%}
    {%- set is_there = existing_relation is not none and existing_relation.is_table and not should_full_refresh() -%}
    {%- set earlier = kept_state(this) if is_there else none -%}
    {%- set made_of = local_md5(state_of_code(sql) ~ states_of_parents() | join(',')) -%}

    {% if earlier == made_of %}
        {% do keep_as_it_is() %}
        {{ return({'relations': [this.incorporate(type='table')]}) }}
    {% endif %}

    {#- Forgotten first: a build that breaks off leaves a table of unknown origin. -#}
    {% do forget_kept_state(this) %}
    {%- set told = model.config.meta.get('tells_changes') -%}
    {%- set before = work_relation('before') -%}
    {% if told and earlier is not none %}
        {% do run_query(create_table_anew(before, joined_values(this, told))) %}
        {% do adapter.commit() %}
    {% endif %}
    {% set built = context['materialization_table_' ~ target.type]() %}
    {% if told and earlier is not none %}
        {% do run_query(create_table_anew(changed_keys_of(this), on_one_side(
            'key_hash', ['value_hash'], 'select * from ' ~ before, joined_values(this, told)
        ))) %}
        {% do run_query('drop table ' ~ before) %}
        {% do remember_kept_state(this, made_of, {'earlier': earlier}) %}
    {% else %}
        {% do remember_kept_state(this, made_of) %}
    {% endif %}
    {{ return(built) }}

{% endmaterialization %}


{#- A select of what others join from a table, as hashes: of its key, and of the joined columns. -#}
{% macro joined_values(relation, told) -%}
    select {{ row_hash([told['key']]) }} as key_hash, {{ row_hash(told['columns']) }} as value_hash
    from {{ relation }}
{%- endmacro %}
