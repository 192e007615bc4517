with

windows as (

    select * from {{ ref('training_windows') }}

),

services as (

    select * from {{ ref('int_services_by_fold') }}

),

uses as (

    select
        interactions.*,
        services.partner_id,
        windows.horizon_days,
        {{ days_between('interactions.first_purchased_at', 'windows.cutoff_at') }}
            as days_since_first
    from {{ ref('interactions') }} as interactions
    inner join windows
        on interactions.fold = windows.fold
    inner join services
        on
            interactions.fold = services.fold
            and interactions.service_idx = services.service_idx

)

select
    fold,
    service_idx,
    partner_id,
    count(*) as buyer_count,
    count(*) filter (where purchase_count >= 2) as repeat_buyer_count,
    count(*) filter (where days_since_first <= 7) as adoption_count_7d,
    count(*) filter (where days_since_first <= 30) as adoption_count_30d,
    count(*) filter (where days_since_first <= 90) as adoption_count_90d,
    count(*) filter (where days_since_first <= horizon_days) as adoption_count_horizon,
    max(known_at) as known_at
from uses
group by fold, service_idx, partner_id
