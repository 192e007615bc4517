-- A client's records are as many as each of them says, and its id is the least of theirs.
select
    client_id,
    count(*) as found_count,
    min(record_count) as stated_count
from {{ ref('client_identities') }}
group by client_id
having
    count(*) <> min(record_count)
    or count(*) <> max(record_count)
    or min(source_client_id) <> client_id
