-- depends_on: {{ ref('runs') }}
select
    cast(null as string) as run_id,
    cast(null as int) as step_number,
    cast(null as string) as step,
    cast(null as double) as seconds,
    cast(null as double) as peak_memory_mib,
    cast(null as double) as cpu_seconds
where false
