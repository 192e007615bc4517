{% macro check_raw_contract() %}{% endmacro %}
