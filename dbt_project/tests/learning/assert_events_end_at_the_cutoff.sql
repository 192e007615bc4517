{#-
    The other half of the proof: the newest event that a gate shows a fold, and how many it shows,
    are those of the accepted events before its cutoff, looked up here without the gate. A gate that
    lets too much through fails other tests as well; one that loses history fails this one.
-#}
{%- set seen = [] -%}
{%- for fold in folds() -%}
    {%- do seen.append((fold, 'sales', ref('int_events_by_fold'))) -%}
    {%- do seen.append((fold, 'web_events', ref('int_web_events_by_fold'))) -%}
{%- endfor -%}
with

facts as (

    select
        'sales' as entity,
        occurred_at
    from {{ ref('fct_interactions') }}

    union all

    select
        'web_events' as entity,
        occurred_at
    from {{ ref('fct_web_events') }}
    where {{ 'true' if var('use_web_events') else 'false' }}

),

newest_events as (

    select
        facts.entity,
        windows.fold,
        max(facts.occurred_at) as newest_event_at,
        count(*) as event_count
    from facts
    inner join {{ ref('training_windows') }} as windows
        on facts.occurred_at < windows.cutoff_at
    group by facts.entity, windows.fold

),

gate_events as (

    {% for fold, entity, gate in seen -%}
        select
            '{{ entity }}' as entity,
            '{{ fold }}' as fold,
            max(occurred_at) as newest_event_at,
            count(*) as event_count
        from {{ gate }}
        where age_days_{{ fold }} is not null
        having count(*) > 0
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    coalesce(newest_events.entity, gate_events.entity) as entity,
    coalesce(newest_events.fold, gate_events.fold) as fold,
    newest_events.newest_event_at,
    newest_events.event_count,
    gate_events.newest_event_at as gate_newest_event_at,
    gate_events.event_count as gate_event_count
from newest_events
full outer join gate_events
    on
        newest_events.entity = gate_events.entity
        and newest_events.fold = gate_events.fold
where
    newest_events.fold is null
    or gate_events.fold is null
    or newest_events.newest_event_at <> gate_events.newest_event_at
    or newest_events.event_count <> gate_events.event_count
