with

latest_runs as (

    select
        run_id,
        as_of_at,
    from {{ ref('run_history') }}
    where is_latest

),

scores as (

    select
        scores.*,
        cast(latest_runs.as_of_at as date) as as_of_date,
    from {{ ref('scores') }} as scores
    inner join latest_runs
        on scores.run_id = latest_runs.run_id

),

services as (

    select * from {{ ref('dim_services') }}

),

partners as (

    select * from {{ ref('dim_partners') }}

)

select
    scores.client_id,
    scores.service_id,
    services.partner_id,
    services.service_name,
    scores.offer_rank,
    scores.score,
    scores.probability,
    scores.probability * services.unit_margin as expected_margin,
    case
        when reason_services.service_name is not null
            then 'Often taken together with ' || reason_services.service_name || ', which this client already has'
        when scores.is_cold_start
            then 'Popular with new clients of ' || partners.partner_name
        else 'Popular with clients of ' || partners.partner_name || ' who buy much the same'
    end as reason,
    scores.is_cold_start,
    scores.model_name,
    scores.run_id,
    scores.as_of_date,
    scores.scored_at,
from scores
inner join services
    on scores.service_id = services.service_id
inner join partners
    on services.partner_id = partners.partner_id
left join services as reason_services
    on scores.reason_service_id = reason_services.service_id
