{#- Fails for every reason that is not in the list of reasons of these scopes. -#}
{% test known_reason(model, column_name, scopes) %}
{%- set reasons = [] %}
{%- for scope in scopes %}
    {%- do reasons.extend(ineligibility_reasons()[scope]) %}
{%- endfor %}

select
    {{ column_name }},
    count(*) as row_count
from {{ model }}
where {{ column_name }} not in ('{{ reasons | join("', '") }}')
group by {{ column_name }}

{% endtest %}
