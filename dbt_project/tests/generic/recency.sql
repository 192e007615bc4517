{#- Fails with one row where the newest value is older than the given number of days. A table
    without rows passes: there may be nothing to be stale yet. -#}
{% test recency(model, column_name, max_age_days) %}

select newest_at
from (
    select max({{ column_name }}) as newest_at
    from {{ model }}
) as newest
where {{ days_between('newest_at', 'cast(' ~ dbt.current_timestamp() ~ ' as timestamp)') }} > {{ max_age_days }}

{% endtest %}
