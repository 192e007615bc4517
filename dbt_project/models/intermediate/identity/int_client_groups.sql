with

links as (

    select * from {{ ref('int_client_links') }}

),

labels as (

    select distinct
        record_number,
        group_label
    from {{ ref('int_client_labels') }}

),

linked_records as (

    select
        source_client_id,
        record_number,
        max(case when key_kind = 'email' then 'email' end) as email_kind,
        max(case when key_kind = 'loyalty' then 'loyalty' end) as loyalty_kind,
        max(case when key_kind = 'phone' then 'phone' end) as phone_kind
    from links
    group by source_client_id, record_number

),

record_groups as (

    select
        labels.group_label,
        min(linked_records.source_client_id) as client_id,
        count(*) as record_count
    from labels
    inner join linked_records on labels.record_number = linked_records.record_number
    group by labels.group_label

)

select
    linked_records.source_client_id,
    record_groups.client_id,
    record_groups.record_count,
    concat_ws(
        ',', linked_records.email_kind, linked_records.loyalty_kind, linked_records.phone_kind
    ) as joined_by,
    record_groups.record_count > {{ var('identity_max_records_per_client') }} as is_too_large
from linked_records
inner join labels on linked_records.record_number = labels.record_number
inner join record_groups on labels.group_label = record_groups.group_label
