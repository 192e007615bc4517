with

windows as (

    select fold from {{ ref('training_windows') }}

),

services as (

    select
        windows.fold,
        services.service_idx,
        services.partner_id as partner,
        services.service_category as category,
        services.private_label_share,
        -- Attributes of the service, not of an event.
        cast(null as timestamp) as known_at,
    from {{ ref('dim_services') }} as services
    cross join windows

),

demand as (

    select
        demand.fold,
        services.service_idx,
        cast(
            ntile(5) over (
                partition by demand.fold
                order by demand.median_price, services.service_idx
            ) as string
        ) as price_band,
        cast(percent_rank() over (partition by demand.fold order by demand.median_price) as double) as price,
        {{ log_share('demand.purchase_count') }} as purchases,
        {{ log_share('demand.purchase_count_30d') }} as purchases_30d,
        {{ log_share('demand.buyer_count_30d') }} as buyers_30d,
        {{ ratio('demand.purchase_count_30d', 'demand.purchase_count_90d') }} as demand_trend,
        {{ ratio('demand.discounted_count', 'demand.purchase_count') }} as discount_share,
        {{ ratio('demand.refund_count', 'demand.event_count') }} as refund_share,
        {% for quarter in [1, 2, 3, 4] %}
            {{ ratio('demand.purchase_count_q' ~ quarter, 'demand.purchase_count') }} as purchase_share_q{{ quarter }},
        {% endfor %}
        {{ log_share('demand.days_since_first') }} as time_on_sale,
        demand.known_at,
    from {{ ref('int_service_demand_by_fold') }} as demand
    inner join {{ ref('dim_services') }} as services
        on demand.service_id = services.service_id

),

adoptions as (

    select
        adoptions.fold,
        adoptions.service_idx,
        {{ log_share('adoptions.buyer_count') }} as popularity,
        {{ ratio(
            ln_1p('adoptions.buyer_count'),
            'max(' ~ ln_1p('adoptions.buyer_count') ~ ') over (partition by adoptions.fold, services.partner_id)'
        ) }} as popularity_in_partner,
        {{ log_share('adoptions.adoption_count_horizon') }} as recent_adoptions,
        {{ log_share('adoptions.adoption_count_7d') }} as adoptions_7d,
        {{ log_share('adoptions.adoption_count_90d') }} as adoptions_90d,
        {{ ratio('adoptions.adoption_count_30d', 'adoptions.adoption_count_90d') }} as adoption_trend,
        {{ ratio('adoptions.adoption_count_7d', 'adoptions.adoption_count_30d') }} as adoption_momentum,
        {{ ratio('adoptions.adoption_count_30d', 'adoptions.buyer_count') }} as adoption_share_30d,
        {{ ratio('adoptions.repeat_buyer_count', 'adoptions.buyer_count') }} as repeat_share,
        adoptions.known_at,
    from {{ ref('int_service_adoptions_by_fold') }} as adoptions
    inner join {{ ref('dim_services') }} as services
        on adoptions.service_idx = services.service_idx

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

)

select
    fold,
    service_idx,
    feature,
    value,
    known_at,
from features
-- Zero and missing are the same to a sparse matrix, and neither makes a row.
where
    feature is not null
    and value > 0
