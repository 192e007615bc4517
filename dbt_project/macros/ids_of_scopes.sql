{#- Distinct ids (source_partner_id and the id columns) that a raw table's rows of some scopes name; of
    several loads of a key the newest counts, as in staging. Not asked of staging because its views
    sort all rows to find the newest, and mostly no scope is asked for.
    `scopes` is a relation with source_partner_id. -#}
{% macro ids_of_scopes(entity, key_columns, id_column, scopes, told_apart_by=none) -%}
    select distinct
        source_partner_id,
        {{ id_column }}
    from (
        select
            {{ clean_id('raw_rows.source_partner_id') }} as source_partner_id,
            {{ scoped_id(id_column) }} as {{ id_column }}
        from {{ source('raw', entity) }} as raw_rows
        where
            exists (
                select 1 as is_asked_for
                from {{ scopes }} as scopes
                where
                    scopes.source_partner_id
                    is not distinct from {{ clean_id('raw_rows.source_partner_id') }}
            )
            {% for column in key_columns -%}
                and {{ clean_id(column) }} is not null
            {% endfor -%}
        -- Rows that nothing tells apart are all asked: staging keeps one of them.
        qualify rank() over (
            partition by
                {% for column in key_columns -%}
                    {{ scoped_id(column) }}{{ ',' if not loop.last }}
                {% endfor -%}
                {% if told_apart_by -%}
                    , {{ told_apart_by }}
                {% endif -%}
            order by {{ newest_first() }}
        ) = 1
    ) as newest_rows
    where {{ id_column }} is not null
{%- endmacro %}
