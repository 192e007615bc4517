with

clients as (

    select * from {{ ref('int_holdout_ranking_by_client') }}

),

-- Also models and folds where nobody took anything: they have a row without figures.
measured as (

    select distinct
        run_id,
        fold,
        model_name
    from {{ ref('holdout_predictions') }}

)

select
    measured.run_id,
    measured.fold,
    measured.model_name,
    count(clients.client_id) as client_count,
    avg(clients.candidate_count) as mean_candidate_count,
    avg(clients.auc) as auc,
    avg(clients.hit_rate) as hr_at_10,
    avg(clients.ndcg) as ndcg_at_10,
    avg(clients.recall) as recall_at_10,
    avg(clients.precision_at_10) as precision_at_10,
    avg(clients.average_precision) as map_at_10
from measured
left join clients
    on
        measured.run_id = clients.run_id
        and measured.fold = clients.fold
        and measured.model_name = clients.model_name
group by measured.run_id, measured.fold, measured.model_name
