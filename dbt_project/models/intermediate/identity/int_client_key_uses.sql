{%- set partner_limits = var('identity_max_records_per_partner_key') -%}
with

client_keys as (

    select * from {{ ref('int_client_keys') }}

),

scope_counts as (

    select count(distinct coalesce(source_partner_id, '')) as scope_count
    from client_keys

),

uses_by_scope as (

    select
        key_kind,
        key_value,
        source_partner_id,
        count(*) as record_count
    from client_keys
    group by key_kind, key_value, source_partner_id

),

key_uses as (

    select
        key_kind,
        key_value,
        cast(sum(record_count) as bigint) as record_count,
        max(record_count) as most_records_per_partner
    from uses_by_scope
    group by key_kind, key_value
    -- A key that one record holds joins it to nothing, and needs no judgement.
    having sum(record_count) > 1

)

select
    key_uses.key_kind,
    key_uses.key_value,
    key_uses.record_count,
    key_uses.most_records_per_partner,
    case
        when
            key_uses.record_count > greatest(
                {{ var('identity_max_records_per_key') }}, scope_counts.scope_count
            )
            then 'too_many_records'
        when
            key_uses.most_records_per_partner > case key_uses.key_kind
                {% for key_kind, limit in partner_limits.items() -%}
                    when '{{ key_kind }}' then {{ limit }}
                {% endfor -%}
            end
            then 'too_many_records_of_one_partner'
    end as ignored_reason
from key_uses
cross join scope_counts
