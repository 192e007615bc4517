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
    on
        {% if var('plant_leak') %}
            reviews.reviewed_at < {{ add_days('windows.cutoff_at', 1) }}
        {% else %}
            reviews.reviewed_at < windows.cutoff_at
        {% endif %}
