-- The other half of the proof: the newest event that the interactions of a fold know of is the
-- newest accepted event before its cutoff, looked up here without the gate. A gate that lets
-- too much through fails the known_before_cutoff tests; one that loses history fails this one.
with

windows as (

    select * from {{ ref('training_windows') }}

),

newest_events as (

    select
        windows.fold,
        max(events.occurred_at) as newest_event_at,
        count(*) as event_count
    from {{ ref('fct_interactions') }} as events
    inner join windows
        on events.occurred_at < windows.cutoff_at
    group by windows.fold

),

gate_events as (

    select
        fold,
        max(occurred_at) as newest_event_at,
        count(*) as event_count
    from {{ ref('int_events_by_fold') }}
    group by fold

)

select
    newest_events.fold,
    newest_events.newest_event_at,
    newest_events.event_count,
    gate_events.newest_event_at as gate_newest_event_at,
    gate_events.event_count as gate_event_count
from newest_events
full outer join gate_events
    on newest_events.fold = gate_events.fold
where
    newest_events.fold is null
    or gate_events.fold is null
    or newest_events.newest_event_at <> gate_events.newest_event_at
    or newest_events.event_count <> gate_events.event_count
