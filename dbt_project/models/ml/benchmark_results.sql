-- depends_on: {{ ref('benchmarks') }}
select
    cast(null as string) as benchmark_id,
    cast(null as string) as case_name,
    cast(null as string) as model_name,
    cast(null as string) as metric,
    cast(null as double) as value,
    cast(null as double) as low,
    cast(null as double) as high,
    cast(null as int) as sample_count,
    cast(null as double) as study_value,
    cast(null as string) as note
where false
