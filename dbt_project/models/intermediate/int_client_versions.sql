{#- The columns that say what a version says. -#}
{%- set attributes = [
    'client_id', 'has_marketing_consent', 'registered_at', 'age_band', 'income_band',
    'home_ownership', 'marital_status', 'household_size', 'household_composition', 'kids_count',
    'birth_year', 'region', 'valid_from_at',
] -%}
-- Versions end to end. The earliest one holds from ever: a feed may begin long after the events
-- that it is used for. A record that was gone for a while is, for that while, what it was before.
-- Nearly all records have one version; only the others are sorted.
with

repeated_records as (

    {{ repeated_hashes(ref('client_versions'), ['client_id']) }}

)

select
    {{ attributes | join(',\n    ') }},
    cast(null as timestamp) as holds_from_at,
    cast(null as timestamp) as holds_to_at
from {{ ref('client_versions') }}
where
    {{ row_hash(['client_id']) }}
    not in (select repeated.key_hash from repeated_records as repeated)

union all

select
    {{ attributes | join(',\n    ') }},
    case
        when lag(valid_from_at) over (partition by client_id order by valid_from_at) is not null
            then valid_from_at
    end as holds_from_at,
    lead(valid_from_at) over (partition by client_id order by valid_from_at) as holds_to_at
from {{ ref('client_versions') }}
where
    {{ row_hash(['client_id']) }}
    in (select repeated.key_hash from repeated_records as repeated)
