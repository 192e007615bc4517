{#- Read, duplicate and missing_key are counted on the raw rows; accepted and rejected on what
    came out at the other end. assert_data_quality_counts_balance proves that they agree. -#}
{%- set keys = {
    'partners': ['partner_id'],
    'clients': ['client_id'],
    'services': ['service_id'],
    'transactions': ['transaction_id'],
    'campaigns': ['campaign_id'],
    'campaign_contacts': ['campaign_id', 'client_id'],
} -%}
with

{% for entity, key_columns in keys.items() -%}
raw_{{ entity }} as (

    select
        {%- for column in key_columns %}
        {{ clean_id(column) }} as {{ column }},
        {%- endfor %}
    from {{ source('raw', entity) }}

),

{{ entity }}_per_key as (

    select
        {%- for column in key_columns %}
        {{ column }},
        {%- endfor %}
        count(*) as row_count,
    from raw_{{ entity }}
    group by {{ key_columns | join(', ') }}

),

{% endfor -%}

raw_counts as (
{% for entity, key_columns in keys.items() %}
    {%- set has_key -%}
        {{ key_columns | join(' is not null and ') }} is not null
    {%- endset %}
    select
        '{{ entity }}' as entity,
        coalesce(sum(row_count), 0) as read_count,
        coalesce(sum(case when not ({{ has_key }}) then row_count end), 0) as missing_key_count,
        coalesce(sum(case when {{ has_key }} then row_count - 1 end), 0) as duplicate_count,
    from {{ entity }}_per_key
    {{ 'union all' if not loop.last }}
{% endfor %}
),

counts as (

    select entity, 'read' as outcome_kind, 'read' as outcome, read_count as row_count,
    from raw_counts

    union all

    select entity, 'rejected' as outcome_kind, 'missing_key' as outcome, missing_key_count as row_count,
    from raw_counts

    union all

    select entity, 'duplicate' as outcome_kind, 'duplicate' as outcome, duplicate_count as row_count,
    from raw_counts

    union all

    select 'partners' as entity, 'accepted' as outcome_kind, 'accepted' as outcome, count(*) as row_count,
    from {{ ref('dim_partners') }}

    union all

    select 'clients' as entity, 'accepted' as outcome_kind, 'accepted' as outcome, count(*) as row_count,
    from {{ ref('dim_clients') }}

    union all

    select 'services' as entity, 'accepted' as outcome_kind, 'accepted' as outcome, count(*) as row_count,
    from {{ ref('dim_services') }}

    union all

    select 'services' as entity, 'rejected' as outcome_kind, rejection_reason as outcome, count(*) as row_count,
    from {{ ref('int_services_classified') }}
    where rejection_reason is not null
    group by rejection_reason

    union all

    select 'transactions' as entity, 'accepted' as outcome_kind, event_kind as outcome, count(*) as row_count,
    from {{ ref('fct_interactions') }}
    group by event_kind

    union all

    select 'transactions' as entity, 'rejected' as outcome_kind, rejection_reason as outcome, count(*) as row_count,
    from {{ ref('rejected_transactions') }}
    group by rejection_reason

    union all

    select 'campaigns' as entity, 'accepted' as outcome_kind, 'accepted' as outcome, count(*) as row_count,
    from {{ ref('stg_campaigns') }}

    union all

    select 'campaign_contacts' as entity, 'accepted' as outcome_kind, response_kind as outcome, count(*) as row_count,
    from {{ ref('int_campaign_contacts_classified') }}
    where rejection_reason is null
    group by response_kind

    union all

    select 'campaign_contacts' as entity, 'rejected' as outcome_kind, rejection_reason as outcome, count(*) as row_count,
    from {{ ref('int_campaign_contacts_classified') }}
    where rejection_reason is not null
    group by rejection_reason

)

select
    entity,
    outcome,
    outcome_kind,
    cast(row_count as bigint) as row_count,
from counts
-- What did not happen has no row; what was read always has one.
where row_count > 0 or outcome = 'read'
