-- For people who ask what a model may know: the features of each fold, by family.
with

features as (

    select
        fold,
        'client' as scope,
        feature
    from {{ ref('client_features') }}

    union all

    select
        fold,
        'service' as scope,
        feature
    from {{ ref('service_features') }}

)

select
    fold,
    scope,
    split_part(feature, '=', 1) as feature_family,
    count(distinct feature) as feature_count,
    count(*) as row_count
from features
group by fold, scope, split_part(feature, '=', 1)
