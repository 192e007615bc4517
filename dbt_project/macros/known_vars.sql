{#- The names of all vars of dbt_project.yml. Runs that differ in those that change what is measured are
    not held against each other without saying so. -#}
{% macro known_vars() -%}
    {{ return(measured_with() + [
        'as_of', 'as_of_step_days', 'identity_rounds', 'offers_max_age_days', 'plant_leak', 'currency',
        'health_runs', 'health_psi_watch', 'health_psi_alarm', 'health_seasonal_features',
        'health_drifted_share', 'health_new_service_share', 'health_new_client_share',
        'health_calibration_error', 'health_ndcg_loss', 'health_fewest',
    ]) }}
{%- endmacro %}


{% macro measured_with() -%}
    {{ return([
        'horizon_days', 'data_end_week_share', 'data_end_partner_share', 'earliest_event_date',
        'interaction_half_life_days', 'purchase_weight', 'discounted_purchase_weight',
        'use_web_events', 'use_campaign_contacts', 'use_reviews', 'view_weight', 'search_weight',
        'cart_weight', 'interest_half_life_days', 'review_weight',
        'resolve_identities', 'identity_max_records_per_key', 'identity_max_records_per_partner_key',
        'identity_max_records_per_client',
        'unknown_consent_is_consent', 'excluded_partners', 'excluded_partner_pairs',
        'excluded_services', 'unknown_age_is_allowed', 'unknown_region_is_everywhere', 'most_contacts',
        'contact_window_days', 'offer_repeatable_services', 'default_margin_rate', 'smallest_amount',
        'category_feature_count', 'offers_per_client', 'judged_offers_per_client',
    ]) }}
{%- endmacro %}


{#- Stops a command whose --vars name what nobody reads: the var that was meant would stay as it is, in
    silence. -#}
{% macro check_vars() -%}
    {%- if execute -%}
        {%- for name in invocation_args_dict.get('vars', {}) if name not in known_vars() -%}
            {%- set meant = nearest_name(name, known_vars()) -%}
            {{ exceptions.raise_compiler_error(
                "There is no var '" ~ name ~ "'" ~ (": did you mean '" ~ meant ~ "'?" if meant else ".")
                ~ " Vars are listed in dbt_project.yml"
            ) }}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}


{#- The name that shares the most pairs of letters; none where none shares half of them. -#}
{% macro nearest_name(name, names) -%}
    {%- set best = namespace(name=none, score=0.5) -%}
    {%- for other in names -%}
        {%- set shared = namespace(count=0) -%}
        {%- for start in range(name | length - 1) if name[start:start + 2] in other -%}
            {%- set shared.count = shared.count + 1 -%}
        {%- endfor -%}
        {%- set score = 2 * shared.count / (name | length + other | length - 2) -%}
        {%- if score > best.score -%}
            {%- set best.name, best.score = other, score -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(best.name) }}
{%- endmacro %}


{#- Days that a run's probabilities look ahead; runs of earlier versions did not keep it. -#}
{% macro horizon_or_var(horizon_days) -%}
    coalesce({{ horizon_days }}, {{ var('horizon_days') }})
{%- endmacro %}


{#- A text of a var as a literal; null where it is not set. -#}
{% macro text_or_null(text) -%}
    {%- if text is none -%} null {%- else -%} '{{ text | string | replace("'", "''") }}' {%- endif -%}
{%- endmacro %}
