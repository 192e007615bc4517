-- A misspelt id in a var would exclude nothing, in silence.
{%- set named = {
    'partner': var('excluded_partners') + var('excluded_partner_pairs') | sum(start=[]),
    'service': var('excluded_services'),
} %}

with

excluded as (

    {% for kind, ids in named.items() -%}
        {% for id in ids | unique -%}
            select
                '{{ kind }}' as kind,
                '{{ id | replace("'", "''") }}' as excluded_id
            union all
        {% endfor %}
    {%- endfor %}
    select
        cast(null as string) as kind,
        cast(null as string) as excluded_id
    where false
),

known as (

    select
        'partner' as kind,
        partner_id as known_id
    from {{ ref('dim_partners') }}

    union all

    select
        'service' as kind,
        service_id as known_id
    from {{ ref('int_services_classified') }}

    union all

    select
        'service' as kind,
        own_service_id as known_id
    from {{ ref('int_services_classified') }}
)

select
    excluded.kind,
    excluded.excluded_id
from excluded
left join known
    on
        excluded.kind = known.kind
        and excluded.excluded_id = known.known_id
where known.known_id is null
