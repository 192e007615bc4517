with

activity as (

    select
        fold,
        client_idx,
        active_day_count_90d,
        known_at
    from {{ ref('int_client_activity_by_fold') }}

),

-- A few numbers of days instead of every client: the same thirds as
-- mass_bin('active_day_count_90d', ['fold'], 3) without sorting all clients.
clients_by_days as (

    select
        fold,
        active_day_count_90d,
        count(*) as client_count
    from activity
    group by fold, active_day_count_90d

),

activity_thirds as (

    select
        fold,
        active_day_count_90d,
        {{ mass_bin_of_groups('client_count', 'active_day_count_90d', ['fold'], 3) }}
            as activity_third
    from clients_by_days

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
        activity.fold,
        activity.client_idx,
        case activity_thirds.activity_third
            when 1 then 'activity: low'
            when 2 then 'activity: medium'
            else 'activity: high'
        end as segment,
        activity.known_at
    from activity
    inner join activity_thirds
        on
            activity.fold = activity_thirds.fold
            and activity.active_day_count_90d = activity_thirds.active_day_count_90d

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
