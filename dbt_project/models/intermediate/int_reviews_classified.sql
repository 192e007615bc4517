with

reviews as (

    select * from {{ ref('stg_reviews') }}

),

clients as (

    select client_id from {{ ref('int_clients_unioned') }}

),

services as (

    select service_id from {{ ref('int_services_classified') }}
    where rejection_reason is null

)

select
    reviews.review_id,
    reviews.client_id,
    reviews.service_id,
    reviews.rating,
    reviews.reviewed_at,
    -- The first reason that applies, so that every row is counted once.
    case
        when reviews.client_id is null then 'missing_client'
        when clients.client_id is null then 'unknown_client'
        when reviews.service_id is null then 'missing_service'
        when services.service_id is null then 'unknown_service'
        when reviews.reviewed_at is null then 'missing_time'
        when reviews.reviewed_at > reviews.loaded_at then 'future_event'
        when reviews.rating is null then 'missing_rating'
        when reviews.rating not between 1 and 5 then 'impossible_rating'
    end as rejection_reason
from reviews
left join clients on reviews.client_id = clients.client_id
left join services on reviews.service_id = services.service_id
