select
    cast(null as string) as benchmark_id,
    cast(null as string) as benchmark,
    cast(null as double) as seconds,
    cast(null as string) as machine_json,
    cast(null as string) as settings_json,
    cast(null as string) as package_versions_json,
    cast(null as timestamp) as started_at,
    cast(null as timestamp) as finished_at
where false
