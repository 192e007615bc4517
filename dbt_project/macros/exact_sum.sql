{#- Aggregate: a sum in decimals, as double. Sums of doubles depend on the order of the rows,
    which no engine promises: units bought and given back would not always come to zero, and
    two builds of the same data would not always agree. Nine digits behind the point count. -#}
{% macro exact_sum(value, condition=none) -%}
    cast(
        sum(cast({{ value }} as decimal(38, 9)))
        {%- if condition %} filter (where {{ condition }}){% endif %} as double
    )
{%- endmacro %}
