{#- Condition: a raw sales line by which units or money go back to the client. -#}
{% macro is_given_back() -%}
    coalesce(quantity < 0 or amount <= -{{ var('smallest_amount') }}, false)
{%- endmacro %}


{#- What a sales line adds to the units that a client has. A refund takes away the units that came back:
    none where only money did. -#}
{% macro net_quantity(relation) -%}
    case
        when {{ relation }}.event_kind = 'refund' then least({{ relation }}.quantity, 0)
        else abs({{ relation }}.quantity)
    end
{%- endmacro %}


{#- What a sales line adds to what a client paid; a refund takes away, whatever its sign. -#}
{% macro net_amount(relation) -%}
    case
        when {{ relation }}.event_kind = 'refund' then -abs({{ relation }}.amount)
        else {{ relation }}.amount
    end
{%- endmacro %}


{#- Condition on aggregated lines of one client and service: something of what was bought was kept.
    Units remain, and not all the money was given back. What was had for nothing goes by its units. -#}
{% macro has_kept(net_quantity, paid_amount, net_amount) -%}
    (
        {{ net_quantity }} > 0
        and not coalesce(
            {{ paid_amount }} >= {{ var('smallest_amount') }}
            and {{ net_amount }} < {{ var('smallest_amount') }},
            false
        )
    )
{%- endmacro %}


{#- The same, as an aggregate over the lines. -#}
{% macro are_lines_kept(relation) -%}
    {{ has_kept(
        exact_sum(net_quantity(relation)),
        exact_sum(relation ~ '.amount', relation ~ ".event_kind <> 'refund'"),
        exact_sum(net_amount(relation))
    ) }}
{%- endmacro %}
