with

windows as (

    select * from {{ ref('training_windows') }}
    -- The horizon of the serving fold has not happened yet.
    where fold in ('validation', 'test')

),

purchases as (

    select
        windows.fold,
        events.client_id,
        events.service_id,
        min(events.occurred_at) filter (where events.event_kind <> 'refund') as adopted_at
    from {{ ref('fct_interactions') }} as events
    inner join windows
        on
            events.occurred_at >= windows.cutoff_at
            and events.occurred_at < windows.horizon_end_at
    group by windows.fold, events.client_id, events.service_id
    -- What was given back before the horizon's end was not taken up.
    having {{ are_lines_kept('events') }}

),

indexed_purchases as (

    select
        purchases.fold,
        clients.client_idx,
        services.service_idx,
        purchases.adopted_at
    from purchases
    inner join {{ ref('dim_clients') }} as clients
        on purchases.client_id = clients.client_id
    inner join {{ ref('dim_services') }} as services
        on purchases.service_id = services.service_id

)

select
    purchases.fold,
    purchases.client_idx,
    purchases.service_idx,
    purchases.adopted_at
from indexed_purchases as purchases
where
    not exists (
        select 1
        from {{ ref('ineligible_clients') }} as barred
        where
            barred.fold = purchases.fold
            and barred.client_idx = purchases.client_idx
    )
    and not exists (
        select 1
        from {{ ref('ineligible_services') }} as barred
        where
            barred.fold = purchases.fold
            and barred.service_idx = purchases.service_idx
    )
    and not exists (
        select 1
        from {{ ref('ineligible_pairs') }} as barred
        where
            barred.fold = purchases.fold
            and barred.client_idx = purchases.client_idx
            and barred.service_idx = purchases.service_idx
    )
