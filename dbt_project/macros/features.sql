{#- Measures side by side turned into (feature, value) rows. Missing and zero values make no
    row: to a sparse matrix they are the same. `keys` are carried along. -#}
{% macro numeric_features(relation, keys, measures) -%}
    select
        {{ keys | join(', ') }},
        feature_names.feature,
        case feature_names.feature
            {% for measure in measures -%}
                when '{{ measure }}' then {{ measure }}
            {% endfor -%}
        end as value
    from {{ relation }}
    cross join ({{ _rows_of_text(measures, 'feature') }}) as feature_names
{%- endmacro %}


{#- Category columns turned into (feature, value) rows: `column=category`, 1.0. A missing
    category makes no row. -#}
{% macro one_hot_features(relation, keys, categories) -%}
    select
        {{ keys | join(', ') }},
        feature_names.feature || '=' || case feature_names.feature
            {% for category in categories -%}
                when '{{ category }}' then {{ category }}
            {% endfor -%}
        end as feature,
        cast(1 as double) as value
    from {{ relation }}
    cross join ({{ _rows_of_text(categories, 'feature') }}) as feature_names
{%- endmacro %}


{%- macro _rows_of_text(texts, column_name) -%}
    {% for text in texts -%}
        select '{{ text }}' as {{ column_name }}{{ " union all " if not loop.last }}
    {%- endfor %}
{%- endmacro %}


{#- A count on a log scale, against the largest of its group: 0 to 1. -#}
{% macro log_share(count_column, among='fold') -%}
    {%- set log_count = ln_1p(count_column) -%}
    {{ ratio(log_count, 'max(' ~ log_count ~ ') over (partition by ' ~ among ~ ')') }}
{%- endmacro %}


{#- Saturday or Sunday. Counted from a known Monday, because engines number weekdays differently. -#}
{% macro is_weekend(timestamp_at) -%}
    cast(floor({{ days_between(timestamp_literal('1900-01-01'), timestamp_at) }}) as bigint) % 7 >= 5
{%- endmacro %}
