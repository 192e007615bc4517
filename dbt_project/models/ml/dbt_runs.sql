select
    cast(null as string) as invocation_id,
    cast(null as string) as command,
    cast(null as timestamp) as started_at,
    cast(null as timestamp) as finished_at,
    cast(null as bigint) as test_count,
    cast(null as bigint) as failed_count,
    cast(null as bigint) as error_count,
    cast(null as string) as failed_nodes,
    cast(null as boolean) as has_tested_offers
where false
