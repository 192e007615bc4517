{#-
    A table with one row per key whose rows are built again only where something that they are made
    of has changed. The model's meta says of what, under `kept_rows`:

    rows_of  the parent whose rows they are. Either a staging view that keeps the newest raw row of each
             key, and then `moment` names the time of a raw row, which the table has too; or
             another table of kept rows, whose changed keys are then its own.
    joined   parents that are joined, each with the raw column that has their key. They are kept
             tables that tell their changes.

    Of the raw rows of each hour count and sum of hashes are remembered (rows without a time are an
    hour too). In hours that differ now, rows came, went or changed: changed keys are those that raw
    rows have there now, and those that the table has there from before. All other keys still have
    the newest row that they had. To these come the keys of raw rows that name a changed key of
    something joined. Rows of changed keys are deleted and made again, from all raw rows of theirs.

    The whole table is built where it is not known what it was made of, where its SQL, vars or
    contract changed, where a parent changed more than once meanwhile, where too many
    keys changed, and under --full-refresh. As with kept tables, what it was made of is forgotten
    before and remembered after.
-#}
{% materialization kept_rows, default %}

    {%- set existing_relation = load_cached_relation(this) -%}
    {%- set is_there = existing_relation is not none and existing_relation.is_table and not should_full_refresh() -%}
    {%- set earlier = kept_state(this) if is_there else none -%}
    {%- set earlier_sources = kept_state_of_sources(this) if is_there else {} -%}
    {%- set sources = states_of_sources(sql) -%}
    {%- set made_of = local_md5(sources | dictsort | string) -%}

    {% if earlier == made_of %}
        {% do drop_work_relations() %}
        {% do keep_as_it_is() %}
        {{ return({'relations': [this.incorporate(type='table')]}) }}
    {% endif %}

    {#- Forgotten first: a build that breaks off leaves a table of unknown origin. -#}
    {% do forget_kept_state(this) %}
    {%- set sql_of_changed = none -%}
    {% if can_follow(sources, earlier_sources) %}
        {% do run_query(create_table_anew(changed_keys_of(this), changed_keys(sources, earlier_sources))) %}
        {% if are_few(changed_keys_of(this), existing_relation) %}
            {%- set sql_of_changed = limited_to_changed(sql) -%}
        {% endif %}
        {% do adapter.commit() %}
    {% endif %}

    {% if sql_of_changed is none %}
        {% set built = context['materialization_table_' ~ target.type]() %}
    {% else %}
        {%- set columns = adapter.get_columns_in_relation(existing_relation) | map(attribute='quoted') | join(', ') -%}
        {{ run_hooks(pre_hooks) }}
        {#- Within one transaction, so that readers on engines that have them see all of it or nothing. -#}
        {% call statement('delete') -%}
            {{ delete_rows_of_keys(this, config.get('unique_key'), changed_keys_of(this)) }}
        {%- endcall %}
        {% call statement('main') -%}
            insert into {{ this }} ({{ columns }})
            select {{ columns }} from ({{ sql_of_changed }}) as changed_rows
        {%- endcall %}
        {% do persist_docs(this.incorporate(type='table'), model) %}
        {{ run_hooks(post_hooks) }}
        {% do adapter.commit() %}
        {% do sources.update({'earlier': earlier}) %}
        {% set built = {'relations': [this.incorporate(type='table')]} %}
    {% endif %}

    {% do keep_parts() %}
    {% do remember_kept_state(this, made_of, sources) %}
    {{ return(built) }}

{% endmaterialization %}


{#- Share of a table's keys above which all of it is built: that is then quicker. -#}
{% macro largest_changed_share() -%}
    {{ return(0.25) }}
{%- endmacro %}


{#- What `kept_rows` of the model's meta says, with the nodes of the parents that it names. -#}
{% macro plan_of_kept_rows() -%}
    {%- set plan = model.config.meta['kept_rows'] -%}
    {%- set parents = {} -%}
    {%- for parent_id in model.depends_on.nodes -%}
        {%- set parent = graph.nodes.get(parent_id) or graph.sources[parent_id] -%}
        {%- do parents.update({parent.name: parent}) -%}
    {%- endfor -%}
    {%- set joined = plan.get('joined', {}) -%}
    {%- if parents.keys() | sort != ([plan['rows_of']] + joined.keys() | list) | sort -%}
        {{ exceptions.raise_compiler_error(
            model.name ~ " is made of " ~ parents.keys() | sort | join(', ')
            ~ ", and kept_rows in its meta does not name just these"
        ) }}
    {%- endif -%}
    {%- set rows_of = parents[plan['rows_of']] -%}
    {{ return({
        'rows_of': rows_of,
        'raw': none if rows_of.config.materialized == 'kept_rows' else graph.sources[rows_of.depends_on.nodes[0]],
        'moment': plan.get('moment'),
        'joined': joined,
        'parents': parents,
    }) }}
{%- endmacro %}


{#- What each source of the model is now. Of raw rows the parts are computed, and kept aside. -#}
{% macro states_of_sources(sql) -%}
    {%- set plan = plan_of_kept_rows() -%}
    {%- set states = {} -%}
    {%- for name, parent in plan.parents.items() -%}
        {%- if plan.raw is none or name != plan.rows_of.name -%}
            {%- do states.update({name: state_of_parent(parent)}) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if plan.raw is none -%}
        {%- do states.update({'sql': state_of_code(sql)}) -%}
    {%- else -%}
        {%- set raw = relation_of(plan.raw) -%}
        {%- do run_query(create_table_anew(work_relation('parts_now'), parts_of_rows(raw, plan.moment))) -%}
        {%- set total = run_query('select ' ~ state_of_rows(work_relation('parts_now')) ~ ' from ' ~ work_relation('parts_now')) -%}
        {%- do states.update({
            'sql': state_of_code(sql ~ newest_raw_rows(plan.raw.name, raw)),
            plan.rows_of.name: total.rows[0].values() | join(':'),
        }) -%}
    {%- endif -%}
    {{ return(states) }}
{%- endmacro %}


{#- A select of what the rows of each hour are. -#}
{% macro parts_of_rows(relation, moment) -%}
    select {{ part_of(moment) }} as part, {{ state_of_rows(relation) }}
    from {{ relation }}
    group by {{ part_of(moment) }}
{%- endmacro %}

{#- The number of the part of the rows that one belongs to. By the hour: a single late event then
    touches few others, and there are still few parts. -#}
{% macro part_of(moment) -%}
    {{ return(row_hash(["date_trunc('hour', " ~ moment ~ ")"])) }}
{%- endmacro %}


{#- The select of a staging model, from some rows of its raw table. -#}
{% macro newest_raw_rows(entity, raw_rows) -%}
    {{ return(context['newest_' ~ entity](raw_rows)) }}
{%- endmacro %}


{#- Whether the keys whose rows changed can be told: the SQL is the same, and each parent is either what
    it was or tells what has changed since just then. -#}
{% macro can_follow(sources, earlier_sources) -%}
    {%- set plan = plan_of_kept_rows() -%}
    {%- if earlier_sources.get('sql') != sources['sql'] -%}
        {{ return(false) }}
    {%- endif -%}
    {%- for name, parent in plan.parents.items() -%}
        {%- if plan.raw is none or name != plan.rows_of.name -%}
            {%- if sources[name] != earlier_sources[name]
                and kept_state_of_sources(relation_of(parent)).get('earlier') != earlier_sources[name] -%}
                {{ return(false) }}
            {%- endif -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(true) }}
{%- endmacro %}


{#- A select of the hashes of keys whose rows may differ from what the table has (key_hash). -#}
{% macro changed_keys(sources, earlier_sources) -%}
    {%- set plan = plan_of_kept_rows() -%}
    {%- if plan.raw is none -%}
        {{ return('select key_hash from ' ~ changed_keys_of(relation_of(plan.rows_of))) }}
    {%- endif -%}
    {%- set raw_key = row_hash([scoped_id(config.get('unique_key'))]) -%}
    {%- set changed_parts = on_one_side(
        'part', ['row_count', 'row_sum'],
        'select * from ' ~ work_relation('parts'), 'select * from ' ~ work_relation('parts_now')
    ) -%}
    select {{ raw_key }} as key_hash
    from {{ relation_of(plan.raw) }}
    where {{ part_of(plan.moment) }} in ({{ changed_parts }})
    union distinct
    select {{ row_hash([config.get('unique_key')]) }} as key_hash
    from {{ this }}
    where {{ part_of(plan.moment) }} in ({{ changed_parts }})
    {%- for name, raw_column in plan.joined.items() if sources[name] != earlier_sources[name] %}
        union distinct
        select {{ raw_key }} as key_hash
        from {{ relation_of(plan.raw) }}
        where {{ row_hash([scoped_id(raw_column)]) }} in (
            select key_hash from {{ changed_keys_of(relation_of(plan.parents[name])) }}
        )
    {%- endfor -%}
{%- endmacro %}


{#- The table that tells which keys the last build of a table has changed. -#}
{% macro changed_keys_of(relation) -%}
    {{ return(kept_relation('changed_keys__' ~ relation.identifier)) }}
{%- endmacro %}

{#- A table of the model's own that helps to build it. -#}
{% macro work_relation(purpose) -%}
    {{ return(kept_relation(purpose ~ '__' ~ this.identifier)) }}
{%- endmacro %}


{% macro are_few(keys, relation) -%}
    {%- set counts = run_query(
        'select (select count(*) from ' ~ keys ~ '), (select count(*) from ' ~ relation ~ ')'
    ).rows[0].values() -%}
    {{ return(counts[0] <= counts[1] * largest_changed_share()) }}
{%- endmacro %}


{#- The model's SQL on the rows of the changed keys alone; none where it does not name its rows once. -#}
{% macro limited_to_changed(sql) -%}
    {%- set plan = plan_of_kept_rows() -%}
    {%- set pieces = sql.split(relation_of(plan.rows_of) | string) -%}
    {%- if pieces | length != 2 -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set keys = 'select key_hash from ' ~ changed_keys_of(this) -%}
    {%- if plan.raw is none -%}
        {%- set changed_rows -%}
            select * from {{ relation_of(plan.rows_of) }}
            where {{ row_hash([plan.rows_of.config.unique_key]) }} in ({{ keys }})
        {%- endset -%}
    {%- else -%}
        {#- A table, because it is read three times. -#}
        {%- do run_query(create_table_anew(work_relation('raw_rows'),
            'select * from ' ~ relation_of(plan.raw)
            ~ ' where ' ~ row_hash([scoped_id(config.get('unique_key'))]) ~ ' in (' ~ keys ~ ')'
        )) -%}
        {%- set changed_rows = newest_raw_rows(plan.raw.name, work_relation('raw_rows')) -%}
    {%- endif -%}
    {{ return(pieces | join('(' ~ changed_rows ~ ')')) }}
{%- endmacro %}


{#- Keep the parts that the table was made of. -#}
{% macro keep_parts() -%}
    {%- if plan_of_kept_rows().raw is not none -%}
        {%- do run_query(create_table_anew(work_relation('parts'), 'select * from ' ~ work_relation('parts_now'))) -%}
    {%- endif -%}
    {%- do drop_work_relations() -%}
{%- endmacro %}

{% macro drop_work_relations() -%}
    {%- for purpose in ('parts_now', 'raw_rows') -%}
        {%- do run_query('drop table if exists ' ~ work_relation(purpose)) -%}
    {%- endfor -%}
{%- endmacro %}


{#- A select of the keys of rows that only one of two selects has. -#}
{% macro on_one_side(key, columns, one_side, other_side) -%}
    select distinct {{ key }}
    from (
        select {{ key }}
        from ({{ one_side }} union all {{ other_side }}) as both_sides
        group by {{ ([key] + columns) | join(', ') }}
        having count(*) = 1
    ) as unpaired
{%- endmacro %}


{% macro create_table_anew(relation, select_sql) -%}
    create or replace table {{ relation }} as {{ select_sql }}
{%- endmacro %}

{#- The statement that deletes a table's rows of some keys, given by their hashes. -#}
{% macro delete_rows_of_keys(relation, key, keys) -%}
    delete from {{ relation }} where {{ row_hash([key]) }} in (select key_hash from {{ keys }})
{%- endmacro %}
