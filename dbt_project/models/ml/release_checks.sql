-- depends_on: {{ ref('runs') }}
select
    cast(null as string) as run_id,
    cast(null as timestamp) as checked_at,
    cast(null as string) as check_name,
    cast(null as double) as value,
    cast(null as double) as bound,
    cast(null as boolean) as is_passed,
    cast(null as string) as detail
where false
