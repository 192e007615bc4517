{#- The newest run against the offers of runs that knew no more than it did on its test fold: their
    cutoff is its test fold's or an earlier one. Of their offers those count that were still open at
    that cutoff, with ranks closed up, as readers would have seen them. -#}
with

runs as (

    select * from {{ ref('runs') }}
    where status = 'completed'

),

newest_runs as (

    select
        run_id,
        champion_model,
        as_of_at,
        {{ add_days('as_of_at', '-' ~ horizon_or_var('horizon_days')) }} as test_cutoff_at
    from runs
    order by finished_at desc, run_id desc
    limit 1

),

challengers as (

    select newest_runs.*
    from newest_runs
    inner join {{ ref('training_windows') }} as windows
        on newest_runs.as_of_at = windows.cutoff_at
    where windows.fold = 'serving'

),

takers as (

    select
        ranking.run_id,
        ranking.client_id,
        ranking.positive_count,
        ranking.ndcg
    from {{ ref('int_holdout_ranking_by_client') }} as ranking
    inner join challengers
        on
            ranking.run_id = challengers.run_id
            and ranking.model_name = challengers.champion_model
    where ranking.fold = 'test'

),

labels as (

    select
        predictions.client_id,
        predictions.service_id
    from {{ ref('holdout_predictions') }} as predictions
    inner join challengers
        on
            predictions.run_id = challengers.run_id
            and predictions.model_name = challengers.champion_model
    where
        predictions.fold = 'test'
        and predictions.is_positive

),

offers as (

    select
        scores.run_id as champion_run_id,
        takers.run_id,
        takers.client_id,
        takers.positive_count,
        takers.ndcg,
        scores.service_id,
        row_number() over (
            partition by scores.run_id, takers.client_id
            order by scores.offer_rank, scores.client_id, scores.service_id
        ) as place
    from {{ ref('scores') }} as scores
    inner join runs
        on scores.run_id = runs.run_id
    inner join challengers
        on runs.as_of_at <= challengers.test_cutoff_at
    inner join {{ ref('client_identities') }} as identities
        on scores.client_id = identities.source_client_id
    inner join takers
        on identities.client_id = takers.client_id
    inner join {{ ref('dim_clients') }} as clients
        on takers.client_id = clients.client_id
    inner join {{ ref('dim_services') }} as services
        on scores.service_id = services.service_id
    where
        not exists (
            select 1
            from {{ ref('ineligible_services') }} as barred
            where
                barred.fold = 'test'
                and barred.service_idx = services.service_idx
        )
        and not exists (
            select 1
            from {{ ref('ineligible_pairs') }} as barred
            where
                barred.fold = 'test'
                and barred.client_idx = clients.client_idx
                and barred.service_idx = services.service_idx
        )

),

ideal_gains as (

    {{ ideal_gains() }}

),

gains as (

    select
        offers.run_id,
        offers.champion_run_id,
        offers.client_id,
        max(offers.positive_count) as positive_count,
        max(offers.ndcg) as challenger_ndcg,
        sum(
            {{ gain_at('offers.place', condition='labels.service_id is not null') }}
        ) as champion_gain
    from offers
    left join labels
        on
            offers.client_id = labels.client_id
            and offers.service_id = labels.service_id
    group by offers.run_id, offers.champion_run_id, offers.client_id

)

select
    gains.run_id,
    gains.champion_run_id,
    gains.client_id,
    gains.challenger_ndcg,
    gains.champion_gain / ideal_gains.ideal_gain as champion_ndcg
from gains
inner join ideal_gains
    on least(gains.positive_count, 10) = ideal_gains.label_count
