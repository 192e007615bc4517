-- depends_on: {{ ref('runs') }}
-- depends_on: {{ ref('labels') }}
select
    cast(null as string) as run_id,
    cast(null as string) as fold,
    cast(null as string) as metric,
    cast(null as string) as model_name,
    cast(null as string) as other_model_name,
    cast(null as double) as difference,
    cast(null as double) as ci_low,
    cast(null as double) as ci_high,
    cast(null as double) as p_value,
    cast(null as bigint) as client_count
where false
