with

bins as (

    select * from {{ ref('int_feature_bins') }}

),

shares as (

    select
        scope,
        feature,
        reference_population,
        current_population,
        {{ smoothed_share('reference_count', 'reference_population', 'scope, feature') }}
            as reference_share,
        {{ smoothed_share('current_count', 'current_population', 'scope, feature') }}
            as current_share
    from bins

)

select
    scope,
    feature,
    max(reference_population) as reference_population,
    max(current_population) as current_population,
    cast(count(*) as int) as bin_count,
    {{ population_stability('reference_share', 'current_share') }} as stability_index
from shares
group by scope, feature
