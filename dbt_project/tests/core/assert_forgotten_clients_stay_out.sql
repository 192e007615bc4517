-- What `cross-sell forget` has erased must not come back. `cross-sell load` and `cross-sell build`
-- see to it; rows that a job of your own writes are met here where dbt runs without them: run
-- `cross-sell build`.
with

salts as (

    select distinct hash_salt
    from {{ source('raw', 'forgotten_clients') }}

),

hashed_records as (

    select
        identities.source_client_id,
        {{ sha256_text('salts.hash_salt || identities.source_client_id') }} as client_hash
    from {{ ref('client_identities') }} as identities
    cross join salts

)

select hashed_records.source_client_id
from hashed_records
inner join {{ source('raw', 'forgotten_clients') }} as forgotten
    on hashed_records.client_hash = forgotten.client_hash
