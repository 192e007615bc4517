{#- Fails for every combination of values that stands in more than one row. Values are grouped only
    where their hashes meet. -#}
{% test unique_combination(model, column_names) %}

select
    {{ column_names | join(',\n    ') }},
    count(*) as row_count
from {{ model }}
where {{ row_hash(column_names) }} in ({{ repeated_hashes(model, column_names) }})
group by {{ column_names | join(', ') }}
having count(*) > 1

{% endtest %}
