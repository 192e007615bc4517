{% set demographics = [
    'age_band', 'income_band', 'home_ownership', 'marital_status', 'household_size',
    'household_composition', 'kids_count',
] %}
with

clients as (

    select
        fold,
        client_idx,
        {% for demographic in demographics %}
            {{ demographic }},
        {% endfor %}
        -- Attributes of the client, not of an event.
        cast(null as timestamp) as known_at
    from {{ ref('int_clients_by_fold') }}

),

client_activity as (

    {{ with_largest(ref('int_client_activity_by_fold'), [
        'spend', 'spend_30d', 'spend_90d', 'days_since_first',
    ]) }}

),

basket_values as (

    select
        fold,
        client_idx,
        ntile(5) over (
            partition by fold
            order by spend / active_day_count, client_idx
        ) as fifth
    from client_activity

),

banded_activity as (

    select
        activity.*,
        basket_values.fifth as basket_value_fifth
    from client_activity as activity
    inner join basket_values
        on
            activity.fold = basket_values.fold
            and activity.client_idx = basket_values.client_idx

),

activity as (

    select
        fold,
        client_idx,
        {{ ratio('active_day_count_30d', 30) }} as active_days_30d,
        {{ ratio('active_day_count_90d', 90) }} as active_days_90d,
        {{ log_share('spend', largest='most_spend') }} as spend,
        {{ log_share('spend_30d', largest='most_spend_30d') }} as spend_30d,
        {{ log_share('spend_90d', largest='most_spend_90d') }} as spend_90d,
        -- What was given back in the two months before can make the last month the larger.
        {{ ratio('least(spend_30d, spend_90d)', 'spend_90d') }} as spend_trend,
        {{ ratio('discounted_count', 'purchase_count') }} as discount_share,
        {{ ratio('event_count - purchase_count', 'event_count') }} as refund_share,
        {{ ratio('weekend_count', 'event_count') }} as weekend_share,
        {{ ratio('evening_count', 'event_count') }} as evening_share,
        {{ half_life_decay('days_since_last', 30) }} as recency,
        {{ log_share('days_since_first', largest='most_days_since_first') }} as tenure,
        case
            when days_since_last <= 7 then '0-7d'
            when days_since_last <= 30 then '8-30d'
            when days_since_last <= 90 then '31-90d'
            when days_since_last <= 180 then '91-180d'
            else '181d+'
        end as recency_band,
        case
            when active_day_count = 1 then 'once'
            when days_first_to_last / (active_day_count - 1) <= 3 then 'several_a_week'
            when days_first_to_last / (active_day_count - 1) <= 8 then 'weekly'
            when days_first_to_last / (active_day_count - 1) <= 16 then 'fortnightly'
            when days_first_to_last / (active_day_count - 1) <= 35 then 'monthly'
            else 'rare'
        end as purchase_rhythm,
        cast(basket_value_fifth as string) as basket_value_band,
        known_at
    from banded_activity

),

client_adoptions as (

    {{ with_largest(ref('int_client_adoptions_by_fold'), [
        'service_count', 'adoption_count_30d', 'adoption_count_90d',
    ]) }}

),

adoptions as (

    select
        fold,
        client_idx,
        {{ log_share('service_count', largest='most_service_count') }} as breadth_level,
        {{ log_share('adoption_count_30d', largest='most_adoption_count_30d') }} as adoptions_30d,
        {{ log_share('adoption_count_90d', largest='most_adoption_count_90d') }} as adoptions_90d,
        {{ ratio('adoption_count_30d', 'adoption_count_90d') }} as adoption_trend,
        {{ ratio('adoption_count_30d', 'used_service_count_30d') }} as adoption_share_30d,
        {{ ratio('adoption_count_90d', 'used_service_count_90d') }} as adoption_share_90d,
        {{ ratio('repeated_service_count', 'service_count') }} as repeat_share,
        case
            when service_count < 10 then '1-9'
            when service_count < 50 then '10-49'
            when service_count < 100 then '50-99'
            when service_count < 200 then '100-199'
            when service_count < 400 then '200-399'
            else '400+'
        end as breadth_band,
        case
            when adoption_count_30d = 0 then '0'
            when adoption_count_30d <= 2 then '1-2'
            when adoption_count_30d <= 5 then '3-5'
            when adoption_count_30d <= 10 then '6-10'
            when adoption_count_30d <= 20 then '11-20'
            else '21+'
        end as adoptions_30d_band,
        known_at
    from client_adoptions

),

category_ranks as (

    select
        fold,
        part,
        row_number() over (
            partition by fold
            order by {{ exact_sum('spend') }} desc, part asc
        ) as spend_rank
    from {{ ref('int_client_spend_by_fold') }}
    where part_kind = 'category_share'
    group by fold, part

),

spend_shares as (

    select
        spend_parts.fold,
        spend_parts.client_idx,
        spend_parts.part_kind || coalesce('=' || spend_parts.part, '') as feature,
        spend_parts.spend_share as value,
        spend_parts.known_at
    from {{ ref('int_client_spend_by_fold') }} as spend_parts
    left join category_ranks
        on
            spend_parts.fold = category_ranks.fold
            and spend_parts.part = category_ranks.part
    where
        spend_parts.part_kind <> 'category_share'
        or category_ranks.spend_rank <= {{ var('category_feature_count') }}

),

contacts_by_type as (

    select * from {{ ref('int_client_contacts_by_fold') }}

),

contact_sums as (

    select
        fold,
        client_idx,
        sum(contact_count) as contact_count,
        sum(contact_count_90d) as contact_count_90d,
        sum(response_count) as response_count,
        max(known_at) as known_at
    from contacts_by_type
    group by fold, client_idx

),

client_contacts as (

    {{ with_largest('contact_sums', ['contact_count', 'contact_count_90d']) }}

),

contacts as (

    select
        fold,
        client_idx,
        {{ log_share('contact_count', largest='most_contact_count') }} as campaign_contacts,
        {{ log_share('contact_count_90d', largest='most_contact_count_90d') }}
            as campaign_contacts_90d,
        {{ ratio('response_count', 'contact_count') }} as campaign_response_rate,
        known_at
    from client_contacts

),

client_web_activity as (

    {{ with_largest(ref('int_client_web_activity_by_fold'), ['event_count', 'event_count_30d']) }}

),

web_activity as (

    select
        fold,
        client_idx,
        {{ log_share('event_count', largest='most_event_count') }} as web_events,
        {{ log_share('event_count_30d', largest='most_event_count_30d') }} as web_events_30d,
        {{ ratio('cart_count', 'event_count') }} as web_cart_share,
        {{ half_life_decay('days_since_last', var('interest_half_life_days')) }} as web_recency,
        known_at
    from client_web_activity

),

interest_ranks as (

    select
        fold,
        part_kind,
        part,
        part_kind || '=' || part as feature,
        row_number() over (
            partition by fold, part_kind
            order by {{ exact_sum('interest_share') }} desc, part asc
        ) as interest_rank
    from {{ ref('int_client_interest_parts_by_fold') }}
    group by fold, part_kind, part

),

interest_shares as (

    select
        interest_parts.fold,
        interest_parts.client_idx,
        interest_ranks.feature,
        interest_parts.interest_share as value,
        interest_parts.known_at
    from {{ ref('int_client_interest_parts_by_fold') }} as interest_parts
    inner join interest_ranks
        on
            interest_parts.fold = interest_ranks.fold
            and interest_parts.part_kind = interest_ranks.part_kind
            and interest_parts.part = interest_ranks.part
    where interest_ranks.interest_rank <= {{ var('category_feature_count') }}

),

rated_clients as (

    {{ with_largest(ref('int_client_reviews_by_fold'), ['review_count']) }}

),

client_reviews as (

    select
        fold,
        client_idx,
        {{ log_share('review_count', largest='most_review_count') }} as review_count,
        {{ ratio('mean_rating', 5) }} as review_mean,
        known_at
    from rated_clients

),

{% set keys = ['fold', 'client_idx', 'known_at'] %}
features as (

    {{ one_hot_features('clients', keys, demographics) }}

    union all

    {{ one_hot_features('activity', keys, [
        'recency_band', 'purchase_rhythm', 'basket_value_band',
    ]) }}

    union all

    {{ numeric_features('activity', keys, [
        'active_days_30d', 'active_days_90d', 'spend', 'spend_30d', 'spend_90d', 'spend_trend',
        'discount_share', 'refund_share', 'weekend_share', 'evening_share', 'recency', 'tenure',
    ]) }}

    union all

    {{ one_hot_features('adoptions', keys, ['breadth_band', 'adoptions_30d_band']) }}

    union all

    {{ numeric_features('adoptions', keys, [
        'breadth_level', 'adoptions_30d', 'adoptions_90d', 'adoption_trend', 'adoption_share_30d',
        'adoption_share_90d', 'repeat_share',
    ]) }}

    union all

    {{ numeric_features('contacts', keys, [
        'campaign_contacts', 'campaign_contacts_90d', 'campaign_response_rate',
    ]) }}

    union all

    select
        fold,
        client_idx,
        known_at,
        feature,
        value
    from spend_shares

    union all

    {{ one_hot_features('contacts_by_type', keys, ['campaign_type']) }}

    union all

    {{ numeric_features('web_activity', keys, [
        'web_events', 'web_events_30d', 'web_cart_share', 'web_recency',
    ]) }}

    union all

    select
        fold,
        client_idx,
        known_at,
        feature,
        value
    from interest_shares

    union all

    {{ numeric_features('client_reviews', keys, ['review_count', 'review_mean']) }}

    union all

    select
        fold,
        client_idx,
        known_at,
        feature,
        value
    from {{ ref('int_attribute_features_by_fold') }}
    where client_idx is not null

)

select
    fold,
    client_idx,
    feature,
    value,
    known_at
from features
-- Zero and missing are the same to a sparse matrix, and neither makes a row.
where
    feature is not null
    and value > 0
