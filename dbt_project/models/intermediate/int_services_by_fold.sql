-- What is known of each service at each fold's cutoff. Serving takes what holds today, also where
-- the snapshot was not run: what is withdrawn today is not offered. What is no service today
-- never was one.
with

windows as (

    select
        fold,
        cutoff_at
    from {{ ref('training_windows') }}

),

services as (

    select * from {{ ref('dim_services') }}

),

versions as (

    select * from {{ ref('int_service_versions') }}

),

known_services as (

    select distinct service_id from versions

),

past_services as (

    select
        windows.fold,
        windows.cutoff_at,
        services.service_id,
        services.service_idx,
        versions.partner_id,
        versions.service_category,
        versions.private_label_share,
        versions.is_repeatable,
        versions.launched_at,
        versions.withdrawn_at,
        versions.regions,
        versions.min_age,
        versions.max_age,
        services.is_offered,
        false as are_limits_unreadable
    from versions
    inner join services
        on versions.service_id = services.service_id
    inner join windows
        on {{ holds_at('windows.cutoff_at', 'versions') }}
    where windows.fold <> 'serving'

),

present_services as (

    select
        windows.fold,
        windows.cutoff_at,
        services.service_id,
        services.service_idx,
        services.partner_id,
        services.service_category,
        services.private_label_share,
        services.is_repeatable,
        services.launched_at,
        services.withdrawn_at,
        services.regions,
        services.min_age,
        services.max_age,
        services.is_offered,
        services.are_limits_unreadable and windows.fold = 'serving' as are_limits_unreadable
    from services
    cross join windows
    left join known_services
        on services.service_id = known_services.service_id
    where
        windows.fold = 'serving'
        or known_services.service_id is null

)

select * from past_services

union all

select * from present_services
