-- The ledger tells what a partner delivers, also where nothing of it could be read. A refusal
-- counts until the same file is loaded.
with

attempts as (

    select
        partner_id,
        -- Where the name alone told what the file is, the ledger does not.
        case
            when entity <> '' then entity
            when source_file like '%/clients%' then 'clients'
            when source_file like '%/services%' then 'services'
            when source_file like '%/partners%' then 'partners'
        end as entity,
        status,
        loaded_at,
        row_number() over (
            partition by source_file
            order by loaded_at desc, load_id desc
        ) as recency_rank
    from {{ source('raw', 'loaded_files') }}
    where partner_id is not null

)

select
    partner_id,
    entity,
    max(case when status = 'refused' and recency_rank = 1 then loaded_at end) as refused_at
from attempts
where entity is not null
group by partner_id, entity
