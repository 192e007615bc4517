{#- Fails for every value outside the range. Nulls pass: not_null is its own test. -#}
{% test accepted_range(model, column_name, min_value=none, max_value=none, is_inclusive=true) %}
{%- set or_equal = '=' if is_inclusive else '' %}

select {{ column_name }}
from {{ model }}
where
    {{ column_name }} is not null
    and not (
        true
        {%- if min_value is not none %}
        and {{ column_name }} >{{ or_equal }} {{ min_value }}
        {%- endif %}
        {%- if max_value is not none %}
        and {{ column_name }} <{{ or_equal }} {{ max_value }}
        {%- endif %}
    )

{% endtest %}
