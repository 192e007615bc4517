{#- Aggregates: what is known of a client whose records are grouped; they have recency_rank, 1 the
    newest. -#}
{% macro one_client_of_records() -%}
    {{ consent_of_records() }} as has_marketing_consent,
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


{#- Aggregate: the strictest word of a client's records counts. A no anywhere is a no, and a yes is one
    only if all say it. -#}
{% macro consent_of_records() -%}
    case
        when count_if(has_marketing_consent = false) > 0 then false
        when count(has_marketing_consent) = count(*) then true
    end
{%- endmacro %}
