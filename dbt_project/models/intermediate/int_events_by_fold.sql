{#- The gate: the only way by which sales lines reach a fold's interactions and features.
    tests/learning/assert_history_passes_the_gates.sql holds everybody to it.
    `plant_leak` opens it by a day, to show that the leak tests can fail; nothing else may. -#}
with

windows as (

    select * from {{ ref('training_windows') }}

),

events as (

    select * from {{ ref('fct_interactions') }}

)

select
    windows.fold,
    windows.cutoff_at,
    events.interaction_id,
    events.client_id,
    events.service_id,
    events.partner_id,
    events.event_kind,
    events.event_kind = 'refund' as is_refund,
    case
        when events.event_kind = 'refund' then -abs(events.quantity)
        else events.quantity
    end as net_quantity,
    case
        when events.event_kind = 'refund' then -abs(events.amount)
        else events.amount
    end as net_amount,
    events.occurred_at,
    {{ days_between('events.occurred_at', 'windows.cutoff_at') }} as age_days
from events
inner join windows
    on
        {% if var('plant_leak') %}
            events.occurred_at < {{ add_days('windows.cutoff_at', 1) }}
        {% else %}
            events.occurred_at < windows.cutoff_at
        {% endif %}
