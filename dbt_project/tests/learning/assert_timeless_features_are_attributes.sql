-- A feature without known_at escapes the known_before_cutoff test, so only attributes from the
-- clients' and services' own tables may lack it. A new feature that forgets its known_at fails.
{% set client_attributes = [
    'age_band', 'income_band', 'home_ownership', 'marital_status', 'household_size',
    'household_composition', 'kids_count',
] %}
{% set service_attributes = ['partner', 'category', 'private_label_share'] %}

select distinct
    'client_features' as mart,
    feature
from {{ ref('client_features') }}
where
    known_at is null
    and split_part(feature, '=', 1) not in (
        '{{ client_attributes | join("', '") }}'
    )

union all

select distinct
    'service_features' as mart,
    feature
from {{ ref('service_features') }}
where
    known_at is null
    and split_part(feature, '=', 1) not in (
        '{{ service_attributes | join("', '") }}'
    )
