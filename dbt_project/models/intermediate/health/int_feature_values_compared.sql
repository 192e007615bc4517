{#- Values of features counted on a grid of hundredths, in the test fold (one horizon ago, the
    reference) and in the serving fold (now). Shares of a largest value all move a little when the
    largest does: less than a hundredth is no drift. Clients and services count once they are known:
    those who came since are counted by int_input_shares. -#}
with

folds as (

    select
        fold,
        cutoff_at,
        fold = 'serving' as is_current
    from {{ ref('training_windows') }}
    where fold in ('test', 'serving')

),

known_clients as (

    select
        folds.fold,
        folds.is_current,
        clients.client_idx
    from {{ ref('dim_clients') }} as clients
    inner join folds
        on clients.first_event_at < folds.cutoff_at

),

known_services as (

    select
        folds.fold,
        folds.is_current,
        services.service_idx
    from {{ ref('dim_services') }} as services
    inner join folds
        on services.on_sale_from_at < folds.cutoff_at

),

populations as (

    select
        'client_feature' as scope,
        count(*) filter (where not is_current) as reference_population,
        count(*) filter (where is_current) as current_population
    from known_clients

    union all

    select
        'service_feature' as scope,
        count(*) filter (where not is_current) as reference_population,
        count(*) filter (where is_current) as current_population
    from known_services

),

cell_values as (

    select
        'client_feature' as scope,
        features.feature,
        cast(floor(features.value * 100) as int) as cell,
        known_clients.is_current
    from {{ ref('client_features') }} as features
    inner join known_clients
        on
            features.fold = known_clients.fold
            and features.client_idx = known_clients.client_idx

    union all

    select
        'service_feature' as scope,
        features.feature,
        cast(floor(features.value * 100) as int) as cell,
        known_services.is_current
    from {{ ref('service_features') }} as features
    inner join known_services
        on
            features.fold = known_services.fold
            and features.service_idx = known_services.service_idx

),

cells as (

    select
        scope,
        feature,
        cell,
        count(*) filter (where not is_current) as reference_count,
        count(*) filter (where is_current) as current_count
    from cell_values
    group by scope, feature, cell

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
    populations.reference_population > 0
    and populations.current_population > 0
