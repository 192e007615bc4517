-- Written without the SQL of cross_sell_scores on purpose: ids, and joins in place of not exists.
with

offers as (

    select
        offers.client_id,
        offers.service_id,
        clients.client_idx,
        services.service_idx
    from {{ ref('cross_sell_scores') }} as offers
    left join {{ ref('dim_clients') }} as clients
        on offers.client_id = clients.client_id
    left join {{ ref('dim_services') }} as services
        on offers.service_id = services.service_id

),

barred_offers as (

    select
        offers.client_id,
        offers.service_id,
        barred.reason
    from offers
    inner join {{ ref('ineligible_clients') }} as barred
        on offers.client_idx = barred.client_idx
    where barred.fold = 'serving'

    union all

    select
        offers.client_id,
        offers.service_id,
        barred.reason
    from offers
    inner join {{ ref('ineligible_services') }} as barred
        on offers.service_idx = barred.service_idx
    where barred.fold = 'serving'

    union all

    select
        offers.client_id,
        offers.service_id,
        barred.reason
    from offers
    inner join {{ ref('ineligible_pairs') }} as barred
        on
            offers.client_idx = barred.client_idx
            and offers.service_idx = barred.service_idx
    where barred.fold = 'serving'

)

select * from barred_offers
