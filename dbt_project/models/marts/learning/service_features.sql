with

services as (

    select
        fold,
        service_idx,
        partner_id as partner,
        service_category as category,
        private_label_share,
        -- Attributes of the service, not of an event.
        cast(null as timestamp) as known_at
    from {{ ref('int_services_by_fold') }}

),

demand as (

    select
        fold,
        service_idx,
        -- A service that was only ever given back has no price.
        case
            when median_price is not null
                then cast(
                    ntile(5) over (
                        partition by fold, median_price is null
                        order by median_price, service_idx
                    ) as string
                )
        end as price_band,
        case
            when median_price is not null
                then percent_rank() over (
                    partition by fold, median_price is null
                    order by median_price
                )
        end as price,
        {{ log_share('purchase_count') }} as purchases,
        {{ log_share('purchase_count_30d') }} as purchases_30d,
        {{ log_share('buyer_count_30d') }} as buyers_30d,
        {{ ratio('purchase_count_30d', 'purchase_count_90d') }} as demand_trend,
        {{ ratio('discounted_count', 'purchase_count') }} as discount_share,
        {{ ratio('refund_count', 'event_count') }} as refund_share,
        {{ ratio('purchase_count_q1', 'purchase_count') }} as purchase_share_q1,
        {{ ratio('purchase_count_q2', 'purchase_count') }} as purchase_share_q2,
        {{ ratio('purchase_count_q3', 'purchase_count') }} as purchase_share_q3,
        {{ ratio('purchase_count_q4', 'purchase_count') }} as purchase_share_q4,
        {{ log_share('days_since_first') }} as time_on_sale,
        known_at
    from {{ ref('int_service_demand_by_fold') }}

),

adoptions as (

    select
        fold,
        service_idx,
        {{ log_share('buyer_count') }} as popularity,
        {{ log_share('buyer_count', among='fold, partner_id') }} as popularity_in_partner,
        {{ log_share('adoption_count_horizon') }} as recent_adoptions,
        {{ log_share('adoption_count_7d') }} as adoptions_7d,
        {{ log_share('adoption_count_90d') }} as adoptions_90d,
        {{ ratio('adoption_count_30d', 'adoption_count_90d') }} as adoption_trend,
        {{ ratio('adoption_count_7d', 'adoption_count_30d') }} as adoption_momentum,
        {{ ratio('adoption_count_30d', 'buyer_count') }} as adoption_share_30d,
        {{ ratio('repeat_buyer_count', 'buyer_count') }} as repeat_share,
        known_at
    from {{ ref('int_service_adoptions_by_fold') }}

),

web_demand as (

    select
        fold,
        service_idx,
        {{ log_share('event_count') }} as web_events,
        {{ log_share('event_count_30d') }} as web_events_30d,
        {{ ratio('cart_count', 'event_count') }} as web_cart_share,
        known_at
    from {{ ref('int_service_web_demand_by_fold') }}

),

service_reviews as (

    select
        fold,
        service_idx,
        {{ log_share('review_count') }} as review_count,
        {{ ratio('mean_rating', 5) }} as review_mean,
        known_at
    from {{ ref('int_service_reviews_by_fold') }}

),

{% set keys = ['fold', 'service_idx', 'known_at'] %}
features as (

    {{ one_hot_features('services', keys, ['partner', 'category']) }}

    union all

    {{ numeric_features('services', keys, ['private_label_share']) }}

    union all

    {{ one_hot_features('demand', keys, ['price_band']) }}

    union all

    {{ numeric_features('demand', keys, [
        'price', 'purchases', 'purchases_30d', 'buyers_30d', 'demand_trend', 'discount_share',
        'refund_share', 'purchase_share_q1', 'purchase_share_q2', 'purchase_share_q3',
        'purchase_share_q4', 'time_on_sale',
    ]) }}

    union all

    {{ numeric_features('adoptions', keys, [
        'popularity', 'popularity_in_partner', 'recent_adoptions', 'adoptions_7d',
        'adoptions_90d', 'adoption_trend', 'adoption_momentum', 'adoption_share_30d',
        'repeat_share',
    ]) }}

    union all

    {{ numeric_features('web_demand', keys, ['web_events', 'web_events_30d', 'web_cart_share']) }}

    union all

    {{ numeric_features('service_reviews', keys, ['review_count', 'review_mean']) }}

    union all

    select
        fold,
        service_idx,
        known_at,
        feature,
        value
    from {{ ref('int_attribute_features_by_fold') }}
    where service_idx is not null

)

select
    fold,
    service_idx,
    feature,
    value,
    known_at
from features
-- Zero and missing are the same to a sparse matrix, and neither makes a row.
where
    feature is not null
    and value > 0
