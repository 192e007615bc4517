with

client_keys as (

    select * from {{ ref('int_client_keys') }}

),

joining_keys as (

    select
        key_kind,
        key_value,
        row_number() over (order by key_kind, key_value) as key_number
    from {{ ref('int_client_key_uses') }}
    where
        ignored_reason is null
        and {{ 'true' if var('resolve_identities') else 'false' }}

),

links as (

    select
        client_keys.source_client_id,
        client_keys.key_kind,
        joining_keys.key_number
    from client_keys
    inner join joining_keys
        on
            client_keys.key_kind = joining_keys.key_kind
            and client_keys.key_value = joining_keys.key_value

)

-- Numbers instead of ids and hashes: they are passed on many times. Those of records go by their
-- ids, so that the least number of a client's records is the least id.
select
    source_client_id,
    dense_rank() over (order by source_client_id) as record_number,
    key_kind,
    key_number
from links
