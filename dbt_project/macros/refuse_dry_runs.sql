{#-
    Before anything is built: dbt's dry runs (`--empty`, `--sample`) would put no rows, or few, in
    place of those that a warehouse in use has, and end every version of the snapshots. They are for
    a warehouse in which nothing has been built.
-#}
{% macro refuse_dry_runs() -%}
    {%- if execute and (flags.EMPTY or flags.SAMPLE) and flags.WHICH in ('build', 'run', 'snapshot', 'retry') -%}
        {%- for node in graph.nodes.values() | sort(attribute='unique_id') -%}
            {%- if node.resource_type in ('model', 'snapshot') and node.config.materialized not in ('view', 'ml_table') -%}
                {%- set relation = adapter.get_relation(node.database, node.schema, node.alias) -%}
                {%- if relation is not none and run_query('select 1 as is_there from ' ~ relation ~ ' limit 1') | length > 0 -%}
                    {{ exceptions.raise_compiler_error(
                        '--' ~ ('empty' if flags.EMPTY else 'sample') ~ ' would replace the rows of '
                        ~ relation.schema ~ '.' ~ relation.identifier ~ ', and this warehouse is in use: name '
                        ~ 'another one (CROSS_SELL_WAREHOUSE) for a dry run. Nothing was changed.'
                    ) }}
                {%- endif -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
