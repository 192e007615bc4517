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
        updated_at,
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
    'updated_at',
    'source_partner_id',
] -%}
{% set key = ['client_id'] -%}
{{ newest_rows(renamed, key, key + attributes + ['loaded_at'], attributes) }}
