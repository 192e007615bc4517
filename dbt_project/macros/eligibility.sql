{#- All reasons why nothing may be offered, by what a reason is about: the one list of them. What each
    means stands in the docs block `ineligibility_reason`. -#}
{% macro ineligibility_reasons() -%}
    {{ return({
        'client': ['no_consent', 'consent_unreadable', 'not_yet_known', 'contacted_too_often'],
        'service': [
            'not_on_sale', 'withdrawn', 'not_offered', 'limits_unreadable', 'partner_inactive',
            'partner_excluded',
        ],
        'pair': [
            'owned', 'out_of_region', 'too_young', 'too_old', 'unknown_age', 'client_of_competitor',
        ],
    }) }}
{%- endmacro %}


{#- Condition: the value of a column came with the row and could not be read. -#}
{% macro is_unreadable(column, unread_columns='unread_columns') -%}
    coalesce(position(';{{ column }};' in ';' || {{ unread_columns }} || ';') > 0, false)
{%- endmacro %}
