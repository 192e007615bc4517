{#- A bin's share of a population, with half a member added to each bin: a bin that one side lacks
    keeps a share above zero, the smaller the larger the population. -#}
{% macro smoothed_share(count_column, population, partition_columns) -%}
    {{ ratio(
        count_column ~ ' + 0.5',
        population ~ ' + 0.5 * count(*) over (partition by ' ~ partition_columns ~ ')'
    ) }}
{%- endmacro %}


{#- Aggregate over bins: the population stability index, the sum of (q - p) ln(q / p); zero for
    equal populations. -#}
{% macro population_stability(reference_share, current_share) -%}
    sum(({{ current_share }} - {{ reference_share }}) * ln({{ current_share }} / {{ reference_share }}))
{%- endmacro %}
