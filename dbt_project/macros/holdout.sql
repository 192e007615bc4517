{#- Number of a row's bin of equal mass, from 1: the smallest values in bin 1, or with
    direction 'desc' the largest. The mid-rank of a value decides, so that equal values share a
    bin whatever their order. The division is of integers and its floor exact: Python's
    ml.evaluation.reliability.mass_bins finds the same bins. -#}
{% macro mass_bin(value, partition_columns, bin_count, direction='asc') -%}
    {%- set groups = partition_columns | join(', ') -%}
    cast(
        floor(
            {{ ratio(
                '(2 * (rank() over (partition by ' ~ groups ~ ' order by ' ~ value ~ ' ' ~ direction ~ ') - 1)'
                ~ ' + count(*) over (partition by ' ~ groups ~ ', ' ~ value ~ ')) * ' ~ bin_count,
                '2 * count(*) over (partition by ' ~ groups ~ ')'
            ) }}
        ) + 1 as int
    )
{%- endmacro %}


{#- The same of rows that were counted by their value: `row_count` rows have each of the values. -#}
{% macro mass_bin_of_groups(row_count, value, partition_columns, bin_count) -%}
    {%- set groups = partition_columns | join(', ') -%}
    {%- set rows_up_to = (
        'sum(' ~ row_count ~ ') over (partition by ' ~ groups ~ ' order by ' ~ value
        ~ ' rows between unbounded preceding and current row)'
    ) -%}
    cast(
        floor(
            {{ ratio(
                '(2 * (' ~ rows_up_to ~ ' - ' ~ row_count ~ ') + ' ~ row_count ~ ') * ' ~ bin_count,
                '2 * sum(' ~ row_count ~ ') over (partition by ' ~ groups ~ ')'
            ) }}
        ) + 1 as int
    )
{%- endmacro %}


{#- What a first use at some place (1 = best) adds to the discounted cumulative gain of the first
    `depth` places. -#}
{% macro gain_at(place, depth=10, condition='true') -%}
    case
        when {{ place }} <= {{ depth }} and {{ condition }} then 1 / log2(cast({{ place }} + 1 as double))
        else 0
    end
{%- endmacro %}


{#- The best possible gain of the first `depth` places, by the number of labels: a select of
    label_count (1 to `depth`) and ideal_gain. -#}
{% macro ideal_gains(depth=10) -%}
    select
        label_count,
        sum({{ gain_at('label_count', depth) }}) over (
            order by label_count
            rows between unbounded preceding and current row
        ) as ideal_gain
    from (
        {% for place in range(1, depth + 1) -%}
            select {{ place }} as label_count
            {{ 'union all' if not loop.last }}
        {% endfor %}
    ) as places
{%- endmacro %}
