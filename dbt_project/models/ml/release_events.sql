-- depends_on: {{ ref('runs') }}
select
    cast(null as timestamp) as happened_at,
    cast(null as string) as event_kind,
    cast(null as string) as release_id,
    cast(null as string) as run_id,
    cast(null as string) as previous_release_id
where false
