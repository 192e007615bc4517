{#- The gate for reviews; see int_events_by_fold. -#}
with

windows as (

    select * from {{ ref('training_windows') }}

),

reviews as (

    select * from {{ ref('fct_reviews') }}
    where {{ 'true' if var('use_reviews') else 'false' }}

)

select
    windows.fold,
    windows.cutoff_at,
    reviews.review_id,
    reviews.client_id,
    reviews.service_id,
    reviews.rating,
    reviews.reviewed_at
from reviews
inner join windows
    on reviews.reviewed_at < {{ known_until('windows.cutoff_at') }}
