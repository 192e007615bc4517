{#- Shares that tell how much of what is offered, and to whom, is new, and which partners sell: in
    the last horizon before now, beside the horizon before that. -#}
with

windows as (

    select
        max(case when fold = 'validation' then cutoff_at end) as before_reference_at,
        max(case when fold = 'test' then cutoff_at end) as reference_at,
        max(case when fold = 'serving' then cutoff_at end) as current_at
    from {{ ref('training_windows') }}

),

firsts as (

    select
        'client' as scope,
        first_event_at as known_from_at
    from {{ ref('dim_clients') }}

    union all

    select
        'service' as scope,
        on_sale_from_at as known_from_at
    from {{ ref('dim_services') }}

),

newcomers as (

    select
        firsts.scope,
        count(*) filter (
            where firsts.known_from_at < windows.reference_at
            and firsts.known_from_at >= windows.before_reference_at
        ) as reference_count,
        count(*) filter (where firsts.known_from_at < windows.reference_at) as reference_total,
        count(*) filter (where firsts.known_from_at >= windows.reference_at) as current_count,
        count(*) as current_total
    from firsts
    inner join windows
        on firsts.known_from_at < windows.current_at
    group by firsts.scope

),

sales as (

    select
        events.partner_id,
        count(*) filter (where events.occurred_at < windows.reference_at) as reference_count,
        count(*) filter (where events.occurred_at >= windows.reference_at) as current_count
    from {{ ref('fct_interactions') }} as events
    inner join windows
        on
            events.occurred_at >= windows.before_reference_at
            and events.occurred_at < windows.current_at
    where events.event_kind <> 'refund'
    group by events.partner_id

)

select
    scope,
    'all' as subject,
    reference_count,
    reference_total,
    current_count,
    current_total
from newcomers

union all

select
    'partner' as scope,
    partner_id as subject,
    reference_count,
    cast(sum(reference_count) over () as bigint) as reference_total,
    current_count,
    cast(sum(current_count) over () as bigint) as current_total
from sales
