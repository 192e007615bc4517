-- For people who ask what a model may know: the features of each fold, by family.
with

-- Features are few: their rows are counted first, and families made of the counts.
features as (

    select
        fold,
        'client' as scope,
        feature,
        count(*) as row_count
    from {{ ref('client_features') }}
    group by fold, feature

    union all

    select
        fold,
        'service' as scope,
        feature,
        count(*) as row_count
    from {{ ref('service_features') }}
    group by fold, feature

)

select
    fold,
    scope,
    split_part(feature, '=', 1) as feature_family,
    count(*) as feature_count,
    cast(sum(row_count) as bigint) as row_count
from features
group by fold, scope, split_part(feature, '=', 1)
