-- depends_on: {{ ref('runs') }}
-- depends_on: {{ ref('labels') }}
-- depends_on: {{ ref('client_segments') }}
-- depends_on: {{ ref('dim_services') }}
select
    cast(null as string) as run_id,
    cast(null as string) as model_name,
    cast(null as string) as fold,
    cast(null as string) as segment,
    cast(null as string) as metric,
    cast(null as double) as value,
    cast(null as double) as ci_low,
    cast(null as double) as ci_high,
    cast(null as bigint) as client_count
where false
