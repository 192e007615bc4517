-- A feature without known_at escapes the known_before_cutoff test, so only attributes from the
-- clients' and services' own tables may lack it. A new feature that forgets its known_at fails.
with

timeless_features as (

    select distinct
        'client' as scope,
        split_part(feature, '=', 1) as feature
    from {{ ref('client_features') }}
    where known_at is null

    union all

    select distinct
        'service' as scope,
        split_part(feature, '=', 1) as feature
    from {{ ref('service_features') }}
    where known_at is null

    union all

    select distinct
        'client segment' as scope,
        split_part(segment, ': ', 1) as feature
    from {{ ref('client_segments') }}
    where known_at is null

)

select *
from timeless_features
where
    not (
        scope = 'client'
        and feature in (
            'age_band',
            'income_band',
            'home_ownership',
            'marital_status',
            'household_size',
            'household_composition',
            'kids_count'
        )
    )
    and not (
        scope = 'service'
        and feature in ('partner', 'category', 'private_label_share')
    )
    -- What partners declare as attributes.
    and not (
        scope in ('client', 'service')
        and feature like 'attribute\_%' escape '\'
    )
    and not (
        scope = 'client segment'
        and feature in ('age', 'income')
    )
