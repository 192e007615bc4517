-- A misspelt id in the var excluded_services would exclude nothing, in silence.
{% set excluded_ids = [] %}
{% for service_id in var('excluded_services') %}
    {% do excluded_ids.append("'" ~ service_id | replace("'", "''") ~ "'") %}
{% endfor %}

with

excluded as (

    {% for service_id in excluded_ids %}
        select {{ service_id }} as excluded_id
        {{ 'union all' if not loop.last }}
    {% else %}
        select cast(null as string) as excluded_id
        where false
    {% endfor %}

)

select excluded.excluded_id
from excluded
left join {{ ref('int_services_classified') }} as services
    on
        excluded.excluded_id = services.service_id
        or excluded.excluded_id = services.own_service_id
where services.service_id is null
