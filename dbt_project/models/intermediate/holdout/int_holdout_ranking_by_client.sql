with

predictions as (

    select * from {{ ref('holdout_predictions') }}

),

positives as (

    select
        *,
        row_number() over (
            partition by run_id, fold, model_name, client_id
            order by candidate_rank
        ) as positive_number
    from predictions
    where is_positive

),

ideal_gains as (

    {{ ideal_gains() }}

),

clients as (

    select
        run_id,
        fold,
        model_name,
        client_id,
        max(candidate_count) as candidate_count,
        count(*) as positive_count,
        count(*) filter (where candidate_rank <= 10) as hit_count,
        sum(mid_rank) as mid_rank_sum,
        sum({{ gain_at('candidate_rank') }}) as gain,
        sum(
            case
                when candidate_rank <= 10 then {{ ratio('positive_number', 'candidate_rank') }}
                else 0
            end
        ) as precision_sum
    from positives
    group by run_id, fold, model_name, client_id

)

select
    clients.run_id,
    clients.fold,
    clients.model_name,
    clients.client_id,
    clients.candidate_count,
    clients.positive_count,
    clients.hit_count,
    1 - {{ ratio(
        'clients.mid_rank_sum - clients.positive_count * (clients.positive_count + 1) / cast(2 as double)',
        'clients.positive_count * (clients.candidate_count - clients.positive_count)'
    ) }} as auc,
    cast(case when clients.hit_count > 0 then 1 else 0 end as double) as hit_rate,
    {{ ratio('clients.hit_count', 'clients.positive_count') }} as recall,
    {{ ratio('clients.hit_count', 10) }} as precision_at_10,
    clients.gain / ideal_gains.ideal_gain as ndcg,
    {{ ratio('clients.precision_sum', 'least(clients.positive_count, 10)') }} as average_precision
from clients
inner join ideal_gains
    on least(clients.positive_count, 10) = ideal_gains.label_count
