with

windows as (

    select * from {{ ref('training_windows') }}

),

uses as (

    select
        interactions.*,
        {{ days_between('interactions.first_purchased_at', 'windows.cutoff_at') }}
            as days_since_first,
        {{ days_between('interactions.last_purchased_at', 'windows.cutoff_at') }}
            as days_since_last
    from {{ ref('interactions') }} as interactions
    inner join windows
        on interactions.fold = windows.fold

)

select
    fold,
    client_idx,
    count(*) as service_count,
    count(*) filter (where purchase_count >= 2) as repeated_service_count,
    count(*) filter (where days_since_first <= 30) as adoption_count_30d,
    count(*) filter (where days_since_first <= 90) as adoption_count_90d,
    count(*) filter (where days_since_last <= 30) as used_service_count_30d,
    count(*) filter (where days_since_last <= 90) as used_service_count_90d,
    max(known_at) as known_at
from uses
group by fold, client_idx
