{#- The gate for web events; see int_events_by_fold. -#}
with

windows as (

    select * from {{ ref('training_windows') }}

),

events as (

    select * from {{ ref('fct_web_events') }}
    where {{ 'true' if var('use_web_events') else 'false' }}

)

select
    windows.fold,
    windows.cutoff_at,
    events.event_id,
    events.client_id,
    events.service_id,
    events.event_type,
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
