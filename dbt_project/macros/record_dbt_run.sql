{#-
    Keep how a dbt command ended, in ml.dbt_runs: a run's offers are published only where the
    tests were green. Runs on-run-end of the commands that test; a build that is killed leaves
    no row, and so counts as none.
-#}
{% macro record_dbt_run(results) -%}
    {%- if execute and flags.WHICH in ('build', 'test') -%}
        {%- set kept = [] -%}
        {%- for node in graph.nodes.values() if node.name == 'dbt_runs' and node.resource_type == 'model' -%}
            {%- do kept.append(adapter.get_relation(node.database, node.schema, node.alias)) -%}
        {%- endfor -%}
        {%- if kept and kept[0] is not none -%}
            {{ insert_dbt_run(kept[0], results) }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}


{#- The statement that adds one row for these results. -#}
{% macro insert_dbt_run(relation, results) -%}
    {%- set counts = namespace(tests=0, failed=0, errors=0, has_tested_offers=false) -%}
    {%- set failed_nodes = [] -%}
    {%- for result in results -%}
        {%- set is_test = result.node.resource_type in ('test', 'unit_test') -%}
        {%- set status = result.status | string -%}
        {%- if is_test -%}
            {%- set counts.tests = counts.tests + 1 -%}
            {%- if result.node.depends_on.nodes | select('equalto', 'model.' ~ project_name ~ '.cross_sell_scores') | list -%}
                {%- set counts.has_tested_offers = true -%}
            {%- endif -%}
        {%- endif -%}
        {%- if status == 'fail' -%}
            {%- set counts.failed = counts.failed + 1 -%}
            {%- do failed_nodes.append(result.node.name) -%}
        {%- elif status not in ('success', 'pass', 'warn', 'no-op') -%}
            {%- set counts.errors = counts.errors + 1 -%}
            {%- do failed_nodes.append(result.node.name) -%}
        {%- endif -%}
    {%- endfor -%}
    insert into {{ relation }}
    select
        cast('{{ invocation_id }}' as string) as invocation_id,
        cast('{{ flags.WHICH }}' as string) as command,
        cast('{{ run_started_at.strftime("%Y-%m-%d %H:%M:%S.%f") }}' as timestamp) as started_at,
        cast('{{ modules.datetime.datetime.utcnow().strftime("%Y-%m-%d %H:%M:%S.%f") }}' as timestamp) as finished_at,
        cast({{ counts.tests }} as bigint) as test_count,
        cast({{ counts.failed }} as bigint) as failed_count,
        cast({{ counts.errors }} as bigint) as error_count,
        {#- A few names say what to look at; dbt's log has them all. #}
        cast({{ "'" ~ failed_nodes[:5] | join(', ') ~ "'" if failed_nodes else 'null' }} as string) as failed_nodes,
        cast({{ counts.has_tested_offers | lower }} as boolean) as has_tested_offers
{%- endmacro %}
