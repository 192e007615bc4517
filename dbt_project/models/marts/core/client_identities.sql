with

records as (

    select * from {{ ref('int_clients_unioned') }}

),

joined_records as (

    select * from {{ ref('int_client_groups') }}
    where not is_too_large

)

select
    coalesce(joined_records.client_id, records.client_id) as client_id,
    records.client_id as source_client_id,
    records.source_partner_id,
    -- The id as its scope knows it: what follows '<partner>:'.
    case
        when records.source_partner_id is null then records.client_id
        else substring(records.client_id, length(records.source_partner_id) + 2)
    end as partner_client_id,
    joined_records.joined_by,
    coalesce(joined_records.record_count, 1) as record_count
from records
left join joined_records on records.client_id = joined_records.source_client_id
