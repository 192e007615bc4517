{#- Measures side by side turned into (feature, value) rows. Missing and zero values make no
    row: to a sparse matrix they are the same. `keys` are carried along. One narrow select per
    measure, so that rows stream through and nothing wide is repeated. -#}
{% macro numeric_features(relation, keys, measures) -%}
    {%- for measure in measures %}
    select
        {{ keys | join(', ') }},
        '{{ measure }}' as feature,
        {{ measure }} as value
    from {{ relation }}
    where {{ measure }} > 0
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}


{#- Category columns turned into (feature, value) rows: `column=category`, 1.0. A missing
    category makes no row. -#}
{% macro one_hot_features(relation, keys, categories) -%}
    {%- for category in categories %}
    select
        {{ keys | join(', ') }},
        '{{ category }}=' || {{ category }} as feature,
        cast(1 as double) as value
    from {{ relation }}
    where {{ category }} is not null
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}


{#- A count on a log scale, against the largest of its group: 0 to 1. `largest` is an expression
    of that where it is known; else a window looks it up. -#}
{% macro log_share(count_column, among='fold', largest=none) -%}
    {%- if largest is none -%}
        {%- set log_count = ln_1p(count_column) -%}
        {{ ratio(log_count, 'max(' ~ log_count ~ ') over (partition by ' ~ among ~ ')') }}
    {%- else -%}
        {{ ratio(ln_1p(count_column), ln_1p(largest)) }}
    {%- endif -%}
{%- endmacro %}


{#- A select of a relation with the largest value of some measures in each fold beside them, as
    most_<measure>. A few maxima are joined: a window would sort all rows for them. -#}
{% macro with_largest(relation, measures) -%}
    select
        measured.*,
        {%- for measure in measures %}
        largest.most_{{ measure }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ relation }} as measured
    inner join (
        select
            fold,
            {%- for measure in measures %}
            max({{ measure }}) as most_{{ measure }}{{ ',' if not loop.last }}
            {%- endfor %}
        from {{ relation }}
        group by fold
    ) as largest
        on measured.fold = largest.fold
{%- endmacro %}


{#- Saturday or Sunday. Counted from a known Monday, because engines number weekdays differently. -#}
{% macro is_weekend(timestamp_at) -%}
    cast(floor({{ days_between(timestamp_literal('1900-01-01'), timestamp_at) }}) as bigint) % 7 >= 5
{%- endmacro %}
