-- Whoever is misspelt in a var is excluded from nothing.
{{ config(severity='warn') }}
{%- set excluded = var('excluded_partners') + var('excluded_partner_pairs') | sum(start=[]) %}

with

excluded_partners as (

    {% for partner_id in excluded | unique -%}
        select '{{ partner_id | replace("'", "''") }}' as partner_id
        {{ 'union all' if not loop.last }}
    {% else -%}
        select cast(null as string) as partner_id
        where false
    {% endfor %}
)

select excluded_partners.partner_id
from excluded_partners
left join {{ ref('dim_partners') }} as partners
    on excluded_partners.partner_id = partners.partner_id
where partners.partner_id is null
