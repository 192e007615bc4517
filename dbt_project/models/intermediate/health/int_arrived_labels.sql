{{ config(materialized='table') }}
{#- What happened after earlier runs: first purchases within each run's horizon, as far as the data
    reach, by the rule of the mart labels. Rules that bar single pairs (age, region, competitors)
    are not replayed for the past: such a purchase counts as one that was not foreseen. -#}
{#- No partner has an empty id: the list is never empty. -#}
{%- set quoted_partners = ["''"] -%}
{%- for partner_id in var('excluded_partners') -%}
    {%- do quoted_partners.append("'" ~ partner_id | replace("'", "''") ~ "'") -%}
{%- endfor -%}
with

runs as (

    select * from {{ ref('int_judged_runs') }}

),

purchases as (

    select
        runs.run_id,
        runs.as_of_at,
        events.client_id,
        events.service_id,
        min(events.occurred_at) filter (where events.event_kind <> 'refund') as adopted_at
    from {{ ref('fct_interactions') }} as events
    inner join runs
        on
            events.occurred_at >= runs.as_of_at
            and events.occurred_at < runs.observed_until_at
    group by runs.run_id, runs.as_of_at, events.client_id, events.service_id
    -- What was given back was not taken up.
    having {{ are_lines_kept('events') }}

),

purchases_before as (

    select
        purchases.run_id,
        purchases.client_id,
        purchases.service_id
    from purchases
    inner join {{ ref('fct_interactions') }} as events
        on
            purchases.client_id = events.client_id
            and purchases.service_id = events.service_id
            and purchases.as_of_at > events.occurred_at
    group by purchases.run_id, purchases.client_id, purchases.service_id
    having
        {{ are_lines_kept('events') }}
        and count(*) filter (where events.event_kind <> 'refund') > 0

),

services as (

    select
        services.service_id,
        services.on_sale_from_at,
        services.withdrawn_at,
        {{ var('offer_repeatable_services') | lower }} and coalesce(services.is_repeatable, false)
            as is_offered_again
    from {{ ref('dim_services') }} as services
    inner join {{ ref('dim_partners') }} as partners
        on services.partner_id = partners.partner_id
    where
        partners.is_active
        and services.is_offered
        and services.partner_id not in ({{ quoted_partners | join(', ') }})

)

select
    purchases.run_id,
    purchases.client_id,
    purchases.service_id,
    purchases.adopted_at
from purchases
inner join services
    on
        purchases.service_id = services.service_id
        and purchases.as_of_at >= services.on_sale_from_at
left join purchases_before
    on
        purchases.run_id = purchases_before.run_id
        and purchases.client_id = purchases_before.client_id
        and purchases.service_id = purchases_before.service_id
where
    (services.withdrawn_at is null or services.withdrawn_at > purchases.as_of_at)
    and (purchases_before.run_id is null or services.is_offered_again)
