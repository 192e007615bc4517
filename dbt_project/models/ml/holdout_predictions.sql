-- depends_on: {{ ref('runs') }}
-- depends_on: {{ ref('labels') }}
-- depends_on: {{ ref('dim_clients') }}
-- depends_on: {{ ref('dim_services') }}
select
    cast(null as string) as run_id,
    cast(null as string) as model_name,
    cast(null as string) as fold,
    cast(null as string) as client_id,
    cast(null as string) as service_id,
    cast(null as double) as score,
    cast(null as double) as probability,
    cast(null as int) as candidate_rank,
    cast(null as double) as mid_rank,
    cast(null as int) as candidate_count,
    cast(null as boolean) as is_positive
where false
