{#- Fails for every row whose newest contributing event lies at or after its fold's cutoff. -#}
{% test known_before_cutoff(model, column_name) %}

with

history as (

    select * from {{ model }}

)

select
    history.fold,
    windows.cutoff_at,
    max(history.{{ column_name }}) as newest_event_at,
    count(*) as row_count
from history
inner join {{ ref('training_windows') }} as windows
    on history.fold = windows.fold
where history.{{ column_name }} >= windows.cutoff_at
group by history.fold, windows.cutoff_at

{% endtest %}
