{#- Values of features counted on a grid of hundredths, in the test fold (one horizon ago, the
    reference) and in the serving fold (now). Shares of a largest value all move a little when the
    largest does: less than a hundredth is no drift. Clients and services count once they are known:
    those who came since are counted by int_input_shares. -#}
with

cutoffs as (

    select
        max(case when fold = 'test' then cutoff_at end) as reference_at,
        max(case when fold = 'serving' then cutoff_at end) as current_at
    from {{ ref('training_windows') }}

),

-- One row each, for both folds: many features are joined by a number alone.
known_clients as (

    select
        clients.client_idx,
        clients.first_event_at < cutoffs.reference_at as is_known_then,
        clients.first_event_at < cutoffs.current_at as is_known_now
    from {{ ref('dim_clients') }} as clients
    cross join cutoffs

),

known_services as (

    select
        services.service_idx,
        services.on_sale_from_at < cutoffs.reference_at as is_known_then,
        services.on_sale_from_at < cutoffs.current_at as is_known_now
    from {{ ref('dim_services') }} as services
    cross join cutoffs

),

populations as (

    select
        'client_feature' as scope,
        count(*) filter (where is_known_then) as reference_population,
        count(*) filter (where is_known_now) as current_population
    from known_clients

    union all

    select
        'service_feature' as scope,
        count(*) filter (where is_known_then) as reference_population,
        count(*) filter (where is_known_now) as current_population
    from known_services

),

-- Whoever is unknown is left out while counting: in the join it would be asked of every row.
cells as (

    select
        'client_feature' as scope,
        features.feature,
        cast(floor(features.value * 100) as int) as cell,
        count(*) filter (where features.fold = 'test' and known_clients.is_known_then)
            as reference_count,
        count(*) filter (where features.fold = 'serving' and known_clients.is_known_now)
            as current_count
    from {{ ref('client_features') }} as features
    inner join known_clients
        on features.client_idx = known_clients.client_idx
    where features.fold in ('test', 'serving')
    group by features.feature, cast(floor(features.value * 100) as int)

    union all

    select
        'service_feature' as scope,
        features.feature,
        cast(floor(features.value * 100) as int) as cell,
        count(*) filter (where features.fold = 'test' and known_services.is_known_then)
            as reference_count,
        count(*) filter (where features.fold = 'serving' and known_services.is_known_now)
            as current_count
    from {{ ref('service_features') }} as features
    inner join known_services
        on features.service_idx = known_services.service_idx
    where features.fold in ('test', 'serving')
    group by features.feature, cast(floor(features.value * 100) as int)

)

select
    cells.scope,
    cells.feature,
    cells.cell,
    cells.reference_count,
    cells.current_count,
    populations.reference_population,
    populations.current_population
from cells
inner join populations
    on cells.scope = populations.scope
where
    cells.reference_count + cells.current_count > 0
    and populations.reference_population > 0
    and populations.current_population > 0
