{#- Fails with one row where the number of rows is outside the bounds. -#}
{% test row_count_bounds(model, min_count=1, max_count=none) %}

select row_count
from (
    select count(*) as row_count
    from {{ model }}
) as counted
where
    row_count < {{ min_count }}
    {%- if max_count is not none %}
    or row_count > {{ max_count }}
    {%- endif %}

{% endtest %}
