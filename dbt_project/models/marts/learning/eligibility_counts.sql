-- For people who wonder why somebody gets no offers, or why something is never offered.
with

windows as (

    select fold from {{ ref('training_windows') }}

),

clients as (

    select
        windows.fold,
        clients.client_idx,
        coalesce(barred.reason, 'eligible') as reason
    from {{ ref('dim_clients') }} as clients
    cross join windows
    left join {{ ref('ineligible_clients') }} as barred
        on
            windows.fold = barred.fold
            and clients.client_idx = barred.client_idx

),

services as (

    select
        windows.fold,
        services.service_idx,
        coalesce(barred.reason, 'eligible') as reason
    from {{ ref('dim_services') }} as services
    cross join windows
    left join {{ ref('ineligible_services') }} as barred
        on
            windows.fold = barred.fold
            and services.service_idx = barred.service_idx

),

counts as (

    select
        fold,
        'client' as scope,
        reason,
        count(*) as row_count
    from clients
    group by fold, reason

    union all

    select
        fold,
        'service' as scope,
        reason,
        count(*) as row_count
    from services
    group by fold, reason

    union all

    select
        fold,
        'pair' as scope,
        reason,
        count(*) as row_count
    from {{ ref('ineligible_pairs') }}
    group by fold, reason

),

-- Pairs of an eligible client and an eligible service, before ownership is looked at.
open_pairs as (

    select
        client_counts.fold,
        client_counts.row_count * service_counts.row_count as pair_count
    from counts as client_counts
    inner join counts as service_counts
        on client_counts.fold = service_counts.fold
    where
        client_counts.scope = 'client'
        and client_counts.reason = 'eligible'
        and service_counts.scope = 'service'
        and service_counts.reason = 'eligible'

),

-- A pair may be barred for several reasons, and counts once. Most are owned, which is one reason:
-- only the others are compared.
barred_pairs as (

    select
        fold,
        client_idx,
        service_idx
    from {{ ref('ineligible_pairs') }}
    where reason = 'owned'

    union all

    select distinct
        other_pairs.fold,
        other_pairs.client_idx,
        other_pairs.service_idx
    from {{ ref('ineligible_pairs') }} as other_pairs
    where
        other_pairs.reason <> 'owned'
        and not exists (
            select 1
            from {{ ref('ineligible_pairs') }} as owned_pairs
            where
                owned_pairs.reason = 'owned'
                and owned_pairs.fold = other_pairs.fold
                and owned_pairs.client_idx = other_pairs.client_idx
                and owned_pairs.service_idx = other_pairs.service_idx
        )

),

-- Clients and services that are barred are few, those that are not are many.
barred_open_pairs as (

    select
        pairs.fold,
        count(*) as pair_count
    from barred_pairs as pairs
    where
        not exists (
            select 1
            from {{ ref('ineligible_clients') }} as barred
            where
                barred.fold = pairs.fold
                and barred.client_idx = pairs.client_idx
        )
        and not exists (
            select 1
            from {{ ref('ineligible_services') }} as barred
            where
                barred.fold = pairs.fold
                and barred.service_idx = pairs.service_idx
        )
    group by pairs.fold

),

eligible_pairs as (

    select
        open_pairs.fold,
        'pair' as scope,
        'eligible' as reason,
        open_pairs.pair_count - coalesce(barred_open_pairs.pair_count, 0) as row_count
    from open_pairs
    left join barred_open_pairs
        on open_pairs.fold = barred_open_pairs.fold

)

select
    fold,
    scope,
    reason,
    cast(row_count as bigint) as row_count
from counts

union all

select
    fold,
    scope,
    reason,
    cast(row_count as bigint) as row_count
from eligible_pairs
