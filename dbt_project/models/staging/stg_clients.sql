{% set renamed %}
    select
        {{ scoped_id('client_id') }} as client_id,
        {{ clean_id('source_partner_id') }} as source_partner_id,
        has_marketing_consent,
        registered_at,
        age_band,
        income_band,
        home_ownership,
        marital_status,
        household_size,
        household_composition,
        kids_count,
        email_hash,
        phone_hash,
        loyalty_hash,
        birth_year,
        region,
        unread_columns,
        updated_at,
        source_file,
        source_line,
        loaded_at
    from {{ source('raw', 'clients') }}
{% endset -%}
{% set attributes = [
    'has_marketing_consent',
    'registered_at',
    'age_band',
    'income_band',
    'home_ownership',
    'marital_status',
    'household_size',
    'household_composition',
    'kids_count',
    'email_hash',
    'phone_hash',
    'loyalty_hash',
    'birth_year',
    'region',
    'unread_columns',
    'updated_at',
    'source_partner_id',
] -%}
{% set key = ['client_id'] -%}
{#- Whoever says no is asked nothing. -#}
{% set strictest = ['has_marketing_consent asc nulls last'] -%}
{{ newest_rows(
    renamed, key, key + attributes + ['loaded_at'], stated_at='updated_at', strictest=strictest
) }}
