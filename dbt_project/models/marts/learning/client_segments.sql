with

activity as (

    select
        fold,
        client_idx,
        {{ mass_bin('active_day_count_90d', ['fold'], 3) }} as activity_third,
        known_at
    from {{ ref('int_client_activity_by_fold') }}

),

demographics as (

    select
        fold,
        client_idx,
        age_band,
        income_band
    from {{ ref('int_clients_by_fold') }}

),

segments as (

    select
        fold,
        client_idx,
        case activity_third
            when 1 then 'activity: low'
            when 2 then 'activity: medium'
            else 'activity: high'
        end as segment,
        known_at
    from activity

    union all

    -- Attributes of the client, not of an event.
    select
        fold,
        client_idx,
        'age: ' || age_band as segment,
        cast(null as timestamp) as known_at
    from demographics

    union all

    select
        fold,
        client_idx,
        'income: ' || income_band as segment,
        cast(null as timestamp) as known_at
    from demographics

)

select
    fold,
    client_idx,
    segment,
    known_at
from segments
where segment is not null
