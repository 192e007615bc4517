with

reviews as (

    select * from {{ ref('stg_reviews') }}

),

identities as (

    select
        source_client_id,
        client_id
    from {{ ref('client_identities') }}

),

services as (

    select service_id from {{ ref('int_services_classified') }}
    where rejection_reason is null

)

select
    reviews.review_id,
    coalesce(identities.client_id, reviews.client_id) as client_id,
    reviews.service_id,
    reviews.rating,
    reviews.reviewed_at,
    -- The first reason that applies, so that every row is counted once.
    case
        when reviews.client_id is null then 'missing_client'
        when identities.client_id is null then 'unknown_client'
        when reviews.service_id is null then 'missing_service'
        when services.service_id is null then 'unknown_service'
        when reviews.reviewed_at is null then 'missing_time'
        when reviews.reviewed_at > reviews.loaded_at then 'future_event'
        when reviews.reviewed_at < {{ timestamp_literal(var('earliest_event_date')) }}
            then 'implausible_time'
        when reviews.rating is null then 'missing_rating'
        when reviews.rating not between 1 and 5 then 'impossible_rating'
    end as rejection_reason
from reviews
left join identities on reviews.client_id = identities.source_client_id
left join services on reviews.service_id = services.service_id
