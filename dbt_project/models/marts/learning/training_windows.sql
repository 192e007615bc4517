with

newest_events as (

    select newest_event_at
    from {{ ref('int_data_end') }}

),

data_ends as (

    select
        {% if var('as_of') %}
            {{ timestamp_literal(var('as_of')) }} as as_of_at,
        {% else %}
            {{ start_of_step(start_of_next_day('newest_event_at'), var('as_of_step_days')) }}
                as as_of_at,
        {% endif %}
        cast({{ var('horizon_days') }} as int) as horizon_days
    -- Without sales there is no end of the data, and there are no folds.
    from newest_events

),

folds as (

    {% for fold, horizons_back in folds().items() -%}
        select
            '{{ fold }}' as fold,
            {{ horizons_back }} as horizons_back
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

windows as (

    select
        folds.fold,
        {{ add_days('data_ends.as_of_at', '-folds.horizons_back * data_ends.horizon_days') }}
            as cutoff_at,
        data_ends.horizon_days
    from data_ends
    cross join folds

)

select
    fold,
    cutoff_at,
    {{ add_days('cutoff_at', 'horizon_days') }} as horizon_end_at,
    horizon_days
from windows
