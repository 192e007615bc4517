{#- Yesterday's offers, and what became of them. Records that have since turned out to be one client
    keep their own lists of offers; what the client took counts for each. -#}
select
    scores.run_id,
    scores.client_id as offered_client_id,
    identities.client_id,
    scores.service_id,
    coalesce(services.partner_id, 'unknown') as partner_id,
    scores.offer_rank,
    scores.probability,
    labels.run_id is not null as is_converted
from {{ ref('scores') }} as scores
inner join {{ ref('int_judged_runs') }} as runs
    on scores.run_id = runs.run_id
-- A client that was forgotten is judged no more.
inner join {{ ref('client_identities') }} as identities
    on scores.client_id = identities.source_client_id
left join {{ ref('dim_services') }} as services
    on scores.service_id = services.service_id
left join {{ ref('int_arrived_labels') }} as labels
    on
        scores.run_id = labels.run_id
        and identities.client_id = labels.client_id
        and scores.service_id = labels.service_id
