{#- Fails with one row where the column is not 0, 1, ..., row count - 1, each once: matrices are
    built from it without looking at the ids. -#}
{% test dense_index(model, column_name) %}

select
    row_count,
    distinct_count,
    smallest_index,
    largest_index
from (
    select
        count(*) as row_count,
        count(distinct {{ column_name }}) as distinct_count,
        min({{ column_name }}) as smallest_index,
        max({{ column_name }}) as largest_index
    from {{ model }}
) as counted
where
    row_count > 0
    and (
        distinct_count <> row_count
        or smallest_index <> 0
        or largest_index <> row_count - 1
    )

{% endtest %}
