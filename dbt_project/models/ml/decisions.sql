-- depends_on: {{ ref('runs') }}
-- depends_on: {{ ref('model_health') }}
select
    cast(null as string) as decision_id,
    cast(null as timestamp) as decided_at,
    cast(null as string) as question,
    cast(null as string) as choice,
    cast(null as string) as reason,
    cast(null as string) as run_id,
    cast(null as string) as numbers_json
where false
