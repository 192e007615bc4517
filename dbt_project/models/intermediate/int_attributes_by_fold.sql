-- What partners say of clients and services at each fold's cutoff, of those who were known then.
-- Serving takes what holds today.
with

windows as (

    select
        fold,
        cutoff_at
    from {{ ref('training_windows') }}

),

versions as (

    select * from {{ ref('int_attribute_versions') }}

),

known_attributes as (

    select distinct attribute_id from versions

),

past_attributes as (

    select
        windows.fold,
        versions.client_id,
        versions.service_id,
        versions.attribute,
        versions.value,
        versions.value_number,
        versions.valid_from_at as stated_at
    from versions
    inner join windows
        on {{ holds_at('windows.cutoff_at', 'versions') }}
    where windows.fold <> 'serving'

),

present_attributes as (

    select
        windows.fold,
        attributes.client_id,
        attributes.service_id,
        attributes.attribute,
        attributes.value,
        attributes.value_number,
        attributes.updated_at as stated_at
    from {{ ref('int_attributes_classified') }} as attributes
    cross join windows
    left join known_attributes
        on attributes.attribute_id = known_attributes.attribute_id
    where
        attributes.rejection_reason is null
        and (windows.fold = 'serving' or known_attributes.attribute_id is null)

),

stated_attributes as (

    select * from past_attributes
    where value is not null or value_number is not null

    union all

    select * from present_attributes
    where value is not null or value_number is not null

),

-- Of a client with several records, what was stated last.
client_attributes as (

    select
        attributes.fold,
        clients.client_idx,
        attributes.attribute,
        attributes.value,
        attributes.value_number
    from stated_attributes as attributes
    inner join {{ ref('client_identities') }} as identities
        on attributes.client_id = identities.source_client_id
    inner join {{ ref('int_clients_by_fold') }} as clients
        on
            attributes.fold = clients.fold
            and identities.client_id = clients.client_id
    qualify row_number() over (
        partition by attributes.fold, clients.client_idx, attributes.attribute
        order by attributes.stated_at desc, attributes.client_id asc
    ) = 1

),

service_attributes as (

    select
        attributes.fold,
        services.service_idx,
        attributes.attribute,
        attributes.value,
        attributes.value_number
    from stated_attributes as attributes
    inner join {{ ref('int_services_by_fold') }} as services
        on
            attributes.fold = services.fold
            and attributes.service_id = services.service_id

)

select
    fold,
    client_idx,
    cast(null as int) as service_idx,
    attribute,
    value,
    value_number
from client_attributes

union all

select
    fold,
    cast(null as int) as client_idx,
    service_idx,
    attribute,
    value,
    value_number
from service_attributes
