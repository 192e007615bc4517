-- depends_on: {{ ref('runs') }}
-- depends_on: {{ ref('labels') }}
select
    cast(null as string) as run_id,
    cast(null as string) as model_name,
    cast(null as int) as epoch,
    cast(null as double) as loss,
    cast(null as double) as auc,
    cast(null as double) as ndcg_at_10,
    cast(null as double) as seconds
where false
