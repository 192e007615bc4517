{#-
    What each fold has counted, over all clients or services, is what a plain count of the events
    before its cutoff gives, without the gates. known_at tells the newest event of those that were
    asked for; a count that forgets to ask what its fold knows, or counts for another, fails here.
-#}
{%- set is_purchase = "event_kind <> 'refund'" -%}
{%- set is_lately = 'age_days <= 30' -%}
{%- set names_service = 'service_id is not null' -%}
{%- set checks_of_sales = [
    ('int_client_activity_by_fold', 'event_count', 'true'),
    ('int_client_activity_by_fold', 'purchase_count', is_purchase),
    ('int_client_activity_by_fold', 'discounted_count', "event_kind = 'discounted_purchase'"),
    ('int_service_demand_by_fold', 'event_count', 'true'),
    ('int_service_demand_by_fold', 'refund_count', "event_kind = 'refund'"),
    ('int_service_demand_by_fold', 'purchase_count', is_purchase),
    ('int_service_demand_by_fold', 'purchase_count_30d', is_purchase ~ ' and ' ~ is_lately),
    ('int_service_demand_by_fold', 'discounted_count', "event_kind = 'discounted_purchase'"),
] -%}
{%- set checks_of_web_events = [
    ('int_client_web_activity_by_fold', 'event_count', 'true'),
    ('int_client_web_activity_by_fold', 'cart_count', "event_type = 'cart'"),
    ('int_client_web_activity_by_fold', 'event_count_30d', is_lately),
    ('int_service_web_demand_by_fold', 'event_count', names_service),
    ('int_service_web_demand_by_fold', 'cart_count', names_service ~ " and event_type = 'cart'"),
    ('int_service_web_demand_by_fold', 'event_count_30d', names_service ~ ' and ' ~ is_lately),
    ('interests', 'event_count', names_service),
    ('interests', 'cart_count', names_service ~ " and event_type = 'cart'"),
] -%}
{%- set plain_columns = [] -%}
{%- for model, measure, condition in checks_of_sales -%}
    {%- do plain_columns.append(('plain_sales', model ~ '.' ~ measure, loop.index)) -%}
{%- endfor -%}
{%- for model, measure, condition in checks_of_web_events -%}
    {%- do plain_columns.append(('plain_web_events', model ~ '.' ~ measure, loop.index)) -%}
{%- endfor %}
with

sales as (

    select
        windows.fold,
        events.event_kind,
        {{ days_between('events.occurred_at', 'windows.cutoff_at') }} as age_days
    from {{ ref('fct_interactions') }} as events
    inner join {{ ref('training_windows') }} as windows
        on events.occurred_at < windows.cutoff_at

),

web_events as (

    select
        windows.fold,
        events.service_id,
        events.event_type,
        {{ days_between('events.occurred_at', 'windows.cutoff_at') }} as age_days
    from {{ ref('fct_web_events') }} as events
    inner join {{ ref('training_windows') }} as windows
        on events.occurred_at < windows.cutoff_at
    where {{ 'true' if var('use_web_events') else 'false' }}

),

plain_sales as (

    select
        {% for model, measure, condition in checks_of_sales -%}
            count(*) filter (where {{ condition }}) as count_{{ loop.index }},
        {% endfor -%}
        fold
    from sales
    group by fold

),

plain_web_events as (

    select
        {% for model, measure, condition in checks_of_web_events -%}
            count(*) filter (where {{ condition }}) as count_{{ loop.index }},
        {% endfor -%}
        fold
    from web_events
    group by fold

),

plain_counts as (

    {% for relation, counted, number in plain_columns -%}
        select
            fold,
            '{{ counted }}' as counted,
            count_{{ number }} as event_count
        from {{ relation }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

counts_of_folds as (

    {% for model, measure, condition in checks_of_sales + checks_of_web_events -%}
        select
            fold,
            '{{ model }}.{{ measure }}' as counted,
            sum({{ measure }}) as event_count
        from {{ ref(model) }}
        group by fold
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    coalesce(plain_counts.fold, counts_of_folds.fold) as fold,
    coalesce(plain_counts.counted, counts_of_folds.counted) as counted,
    plain_counts.event_count,
    counts_of_folds.event_count as event_count_of_fold
from plain_counts
full outer join counts_of_folds
    on
        plain_counts.fold = counts_of_folds.fold
        and plain_counts.counted = counts_of_folds.counted
where coalesce(plain_counts.event_count, 0) <> coalesce(counts_of_folds.event_count, 0)
