{#- Common table expressions labels_1 to labels_n, from labels_0 (record_number, key_number,
    group_label): in each round a key takes the least label of its records, and a record the least
    label of its keys. After n rounds a label has come n keys far, and once nothing changes any more
    the records with one label are a connected component. Each round reads the one before it once,
    and nothing else: no joins, and the work grows with rounds times links. -#}
{% macro passed_on_labels(rounds) -%}
    {% for round in range(1, rounds + 1) -%}
        key_labels_{{ round }} as (

            select
                record_number,
                key_number,
                min(group_label) over (partition by key_number) as group_label
            from labels_{{ round - 1 }}

        ),

        labels_{{ round }} as (

            select
                record_number,
                key_number,
                min(group_label) over (partition by record_number) as group_label
            from key_labels_{{ round }}

        ){{ ',' if not loop.last }}
    {% endfor -%}
{%- endmacro %}
