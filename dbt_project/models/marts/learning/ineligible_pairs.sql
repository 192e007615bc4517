with

uses as (

    select * from {{ ref('interactions') }}

),

services as (

    select * from {{ ref('dim_services') }}

)

select
    uses.fold,
    uses.client_idx,
    uses.service_idx,
    'owned' as reason
from uses
inner join services
    on uses.service_idx = services.service_idx
where
    {% if var('offer_repeatable_services') %}
        not coalesce(services.is_repeatable, false)
    {% else %}
        true
    {% endif %}
