with

labels_0 as (

    select
        record_number,
        key_number,
        record_number as group_label
    from {{ ref('int_client_links') }}

),

{{ passed_on_labels(var('identity_rounds')) }}

select
    record_number,
    key_number,
    group_label
from labels_{{ var('identity_rounds') }}
