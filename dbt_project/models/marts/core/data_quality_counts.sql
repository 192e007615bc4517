-- Rows that the loader could not read are counted where it keeps them, with its reasons.
-- Read, missing_key and duplicate are counted on the raw rows; accepted and rejected on what
-- came out at the other end. assert_data_quality_counts_balance proves that they agree.
-- Derived records come from no raw row of their own and are not counted. Of clients it is the
-- records that are counted, whoever they belong to.
with

raw_counts as (

    {{ raw_row_counts('partners', ['partner_id'], is_scoped=false) }}
    union all
    {{ raw_row_counts('clients', ['client_id']) }}
    union all
    {{ raw_row_counts('services', ['service_id']) }}
    union all
    {{ raw_row_counts('transactions', ['transaction_id'], told_apart_by=is_given_back()) }}
    union all
    {{ raw_row_counts('campaigns', ['campaign_id']) }}
    union all
    {{ raw_row_counts('campaign_contacts', ['campaign_id', 'client_id']) }}
    union all
    {{ raw_row_counts('web_events', ['event_id']) }}
    union all
    {{ raw_row_counts('reviews', ['review_id']) }}
    union all
    {{ raw_row_counts('client_attributes', ['client_id', 'attribute']) }}
    union all
    {{ raw_row_counts('service_attributes', ['service_id', 'attribute']) }}

),

unreadable_counts as (

    select
        entity,
        reason as outcome,
        count(*) as row_count
    from {{ source('raw', 'rejected_rows') }}
    group by entity, reason

),

unreadable_totals as (

    select
        entity,
        sum(row_count) as row_count
    from unreadable_counts
    group by entity

),

classified_rows as (

    select
        'partners' as entity,
        'accepted' as outcome,
        'accepted' as outcome_kind
    from {{ ref('int_partners_unioned') }}
    where not is_derived

    union all

    select
        'clients' as entity,
        'accepted' as outcome,
        'accepted' as outcome_kind
    from {{ ref('int_clients_unioned') }}
    where not is_derived

    union all

    select
        'services' as entity,
        coalesce(rejection_reason, 'accepted') as outcome,
        case when rejection_reason is null then 'accepted' else 'rejected' end as outcome_kind
    from {{ ref('int_services_classified') }}
    where not is_derived

    union all

    select
        'transactions' as entity,
        event_kind as outcome,
        'accepted' as outcome_kind
    from {{ ref('fct_interactions') }}

    union all

    select
        'transactions' as entity,
        rejection_reason as outcome,
        'rejected' as outcome_kind
    from {{ ref('rejected_transactions') }}

    union all

    select
        'campaigns' as entity,
        'accepted' as outcome,
        'accepted' as outcome_kind
    from {{ ref('stg_campaigns') }}

    union all

    select
        'campaign_contacts' as entity,
        coalesce(rejection_reason, response_kind) as outcome,
        case
            when rejection_reason is null then 'accepted'
            when rejection_reason = 'same_client' then 'duplicate'
            else 'rejected'
        end as outcome_kind
    from {{ ref('int_campaign_contacts_classified') }}

    union all

    select
        'web_events' as entity,
        coalesce(rejection_reason, event_type) as outcome,
        case when rejection_reason is null then 'accepted' else 'rejected' end as outcome_kind
    from {{ ref('int_web_events_classified') }}

    union all

    select
        'reviews' as entity,
        coalesce(rejection_reason, 'accepted') as outcome,
        case when rejection_reason is null then 'accepted' else 'rejected' end as outcome_kind
    from {{ ref('int_reviews_classified') }}

    union all

    select
        case
            when client_id is null then 'service_attributes'
            else 'client_attributes'
        end as entity,
        coalesce(rejection_reason, 'accepted') as outcome,
        case when rejection_reason is null then 'accepted' else 'rejected' end as outcome_kind
    from {{ ref('int_attributes_classified') }}

),

classified_counts as (

    select
        entity,
        outcome,
        outcome_kind,
        count(*) as row_count
    from classified_rows
    group by entity, outcome, outcome_kind

),

all_counts as (

    select
        raw_counts.entity,
        'read' as outcome,
        'read' as outcome_kind,
        raw_counts.read_count + coalesce(unreadable_totals.row_count, 0) as row_count
    from raw_counts
    left join unreadable_totals on raw_counts.entity = unreadable_totals.entity

    union all

    select
        entity,
        outcome,
        'rejected' as outcome_kind,
        row_count
    from unreadable_counts

    union all

    select
        entity,
        'missing_key' as outcome,
        'rejected' as outcome_kind,
        missing_key_count as row_count
    from raw_counts
    where missing_key_count > 0

    union all

    select
        entity,
        'duplicate' as outcome,
        'duplicate' as outcome_kind,
        duplicate_count as row_count
    from raw_counts
    where duplicate_count > 0

    union all

    select
        entity,
        outcome,
        outcome_kind,
        row_count
    from classified_counts

)

-- The loader and SQL may reject for a reason of the same name.
select
    entity,
    outcome,
    outcome_kind,
    cast(sum(row_count) as bigint) as row_count
from all_counts
group by entity, outcome, outcome_kind
