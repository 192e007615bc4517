-- depends_on: {{ ref('runs') }}
-- depends_on: {{ ref('eligibility_counts') }}
select
    cast(null as string) as run_id,
    cast(null as string) as fold,
    cast(null as string) as scope,
    cast(null as string) as reason,
    cast(null as bigint) as row_count
where false
