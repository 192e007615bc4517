-- depends_on: {{ ref('runs') }}
-- depends_on: {{ ref('dim_clients') }}
-- depends_on: {{ ref('dim_services') }}
select
    cast(null as string) as run_id,
    cast(null as string) as client_id,
    cast(null as string) as service_id,
    cast(null as int) as offer_rank,
    cast(null as double) as score,
    cast(null as double) as probability,
    cast(null as string) as reason_service_id,
    cast(null as boolean) as is_cold_start,
    cast(null as string) as model_name,
    cast(null as timestamp) as scored_at
where false
