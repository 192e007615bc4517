-- A label outside the candidates could never be ranked: it would count as a miss of every model.
select
    labels.fold,
    labels.client_idx,
    labels.service_idx
from {{ ref('labels') }} as labels
left join {{ ref('ineligible_clients') }} as barred_clients
    on
        labels.fold = barred_clients.fold
        and labels.client_idx = barred_clients.client_idx
left join {{ ref('ineligible_services') }} as barred_services
    on
        labels.fold = barred_services.fold
        and labels.service_idx = barred_services.service_idx
left join {{ ref('ineligible_pairs') }} as barred_pairs
    on
        labels.fold = barred_pairs.fold
        and labels.client_idx = barred_pairs.client_idx
        and labels.service_idx = barred_pairs.service_idx
where
    barred_clients.reason is not null
    or barred_services.reason is not null
    or barred_pairs.reason is not null
