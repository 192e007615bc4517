-- Ranking figures of earlier runs' offers, as means over the offered clients who took something.
with

ideal_gains as (

    {{ ideal_gains() }}

),

offered_clients as (

    select
        run_id,
        offered_client_id,
        client_id,
        count(*) filter (where is_converted and offer_rank <= 10) as hit_count,
        sum({{ gain_at('offer_rank', condition='is_converted') }}) as gain
    from {{ ref('int_past_offers') }}
    group by run_id, offered_client_id, client_id

),

label_counts as (

    select
        run_id,
        client_id,
        count(*) as label_count
    from {{ ref('int_arrived_labels') }}
    group by run_id, client_id

)

select
    clients.run_id,
    count(*) as client_count,
    {{ ratio(exact_sum('clients.gain / ideal_gains.ideal_gain'), 'count(*)') }} as ndcg_at_10,
    {{ ratio('count(*) filter (where clients.hit_count > 0)', 'count(*)') }} as hr_at_10
from offered_clients as clients
inner join label_counts
    on
        clients.run_id = label_counts.run_id
        and clients.client_id = label_counts.client_id
inner join ideal_gains
    on least(label_counts.label_count, 10) = ideal_gains.label_count
group by clients.run_id
