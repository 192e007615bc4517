with

client_attributes as (

    select * from {{ ref('stg_client_attributes') }}

),

service_attributes as (

    select * from {{ ref('stg_service_attributes') }}

),

services as (

    select service_id from {{ ref('int_services_classified') }}
    where rejection_reason is null

)

select
    'client: ' || attributes.client_id || ': ' || attributes.attribute as attribute_id,
    attributes.client_id,
    cast(null as string) as service_id,
    attributes.attribute,
    attributes.value,
    attributes.value_number,
    {{ stated_from('attributes.updated_at', 'attributes.loaded_at') }} as updated_at,
    attributes.loaded_at,
    case when identities.client_id is null then 'unknown_client' end as rejection_reason
from client_attributes as attributes
left join {{ ref('client_identities') }} as identities
    on attributes.client_id = identities.source_client_id

union all

select
    'service: ' || attributes.service_id || ': ' || attributes.attribute as attribute_id,
    cast(null as string) as client_id,
    attributes.service_id,
    attributes.attribute,
    attributes.value,
    attributes.value_number,
    {{ stated_from('attributes.updated_at', 'attributes.loaded_at') }} as updated_at,
    attributes.loaded_at,
    case when services.service_id is null then 'unknown_service' end as rejection_reason
from service_attributes as attributes
left join services
    on attributes.service_id = services.service_id
