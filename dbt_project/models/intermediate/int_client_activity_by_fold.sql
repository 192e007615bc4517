{#- A day counts once, however many events it has: its youngest event tells which folds know it. -#}
{%- set ages = {'age_days': 'min(age_days)'} -%}
{%- set day_measures = {
    'active_day_count': 'count(age_days)',
    'active_day_count_30d': 'count(*) filter (where age_days <= 30)',
    'active_day_count_90d': 'count(*) filter (where age_days <= 90)',
    'first_day_at': 'min(day_at) filter (where is_known)',
    'last_day_at': 'max(day_at) filter (where is_known)',
} -%}
{%- set event_measures = {
    'event_count': 'count(*) filter (where is_known)',
    'purchase_count': 'count(*) filter (where is_known and not is_refund)',
    'discounted_count': "count(*) filter (where is_known and event_kind = 'discounted_purchase')",
    'weekend_count': 'count(*) filter (where is_known and ' ~ is_weekend('occurred_at') ~ ')',
    'evening_count': 'count(*) filter (where is_known and extract(hour from occurred_at) >= 17)',
    'spend': 'greatest(' ~ exact_sum('net_amount', 'is_known') ~ ', 0)',
    'spend_30d': 'greatest(' ~ exact_sum('net_amount', 'age_days <= 30') ~ ', 0)',
    'spend_90d': 'greatest(' ~ exact_sum('net_amount', 'age_days <= 90') ~ ', 0)',
    'days_since_first': 'max(age_days)',
    'days_since_last': 'min(age_days)',
    'known_at': 'max(occurred_at) filter (where is_known)',
} -%}
with

events as (

    {{ side_by_side(ref('int_events_by_fold'), ['client_idx'], event_measures) }}

),

active_days as (

    {{ side_by_side(ref('int_events_by_fold'), ['client_idx', 'day_at'], ages) }}

),

client_days as (

    {{ side_by_side('active_days', ['client_idx'], day_measures) }}

),

events_by_fold as (

    {{ one_row_per_fold('events', ['client_idx'], event_measures) }}

),

days_by_fold as (

    {{ one_row_per_fold(
        'client_days', ['client_idx'], day_measures, is_seen='active_day_count > 0'
    ) }}

)

select
    events.fold,
    events.client_idx,
    events.event_count,
    events.purchase_count,
    events.discounted_count,
    events.weekend_count,
    events.evening_count,
    active_days.active_day_count,
    active_days.active_day_count_30d,
    active_days.active_day_count_90d,
    events.spend,
    events.spend_30d,
    events.spend_90d,
    {{ days_between('active_days.first_day_at', 'active_days.last_day_at') }} as days_first_to_last,
    events.days_since_first,
    events.days_since_last,
    events.known_at
from events_by_fold as events
inner join days_by_fold as active_days
    on
        events.fold = active_days.fold
        and events.client_idx = active_days.client_idx
