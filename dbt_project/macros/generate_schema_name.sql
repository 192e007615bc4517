{#- Schemas are named for what they hold (staging, core, ...), without the target's prefix:
    there is one warehouse file per environment, so names cannot collide. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
