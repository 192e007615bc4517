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


{#- Aggregates: what is known of a client whose records are grouped; they have recency_rank, 1 the
    newest. -#}
{% macro one_client_of_records() -%}
    -- The strictest word counts: a no anywhere is a no, and a yes is one only if all say it.
    case
        when count_if(has_marketing_consent = false) > 0 then false
        when count(has_marketing_consent) = count(*) then true
    end as has_marketing_consent,
    min(registered_at) as registered_at,
    {{ newest_word('age_band') }} as age_band,
    {{ newest_word('income_band') }} as income_band,
    {{ newest_word('home_ownership') }} as home_ownership,
    {{ newest_word('marital_status') }} as marital_status,
    {{ newest_word('household_size') }} as household_size,
    {{ newest_word('household_composition') }} as household_composition,
    {{ newest_word('kids_count') }} as kids_count,
    {{ newest_word('birth_year') }} as birth_year,
    {{ newest_word('region') }} as region
{%- endmacro %}


{#- Aggregate: of a client's records the newest that tells the attribute. -#}
{% macro newest_word(attribute) -%}
    min_by({{ attribute }}, recency_rank) filter (where {{ attribute }} is not null)
{%- endmacro %}
