{%- set names = known_vars() %}
{% for name in names -%}
    select
        '{{ name }}' as var_name,
        '{{ var(name) | tojson | replace("'", "''") }}' as value_json,
        {{ (name in measured_with()) | string | lower }} as changes_measures
    {{ 'union all' if not loop.last }}
{% endfor %}
