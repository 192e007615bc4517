with

clients as (

    select * from {{ ref('int_clients_by_fold') }}

),

services as (

    select * from {{ ref('int_services_by_fold') }}

),

uses as (

    select
        interactions.fold,
        interactions.client_idx,
        interactions.service_idx,
        services.partner_id,
        coalesce(services.is_repeatable, false) as is_repeatable
    from {{ ref('interactions') }} as interactions
    inner join services
        on
            interactions.fold = services.fold
            and interactions.service_idx = services.service_idx

),

owned_pairs as (

    select
        fold,
        client_idx,
        service_idx,
        'owned' as reason
    from uses
    {% if var('offer_repeatable_services') -%}
        where not is_repeatable
    {%- endif %}

),

-- Semicolons around each region, so that "north" is not found in "north-east".
regional_services as (

    select
        fold,
        service_idx,
        ';' || replace(regions, '; ', ';') || ';' as regions
    from services
    where regions is not null

),

out_of_region_pairs as (

    select
        services.fold,
        clients.client_idx,
        services.service_idx,
        'out_of_region' as reason
    from regional_services as services
    inner join clients
        on
            services.fold = clients.fold
            and coalesce(
                position(';' || clients.region || ';' in services.regions) = 0,
                clients.is_region_unreadable
                or not {{ var('unknown_region_is_everywhere') | lower }}
            )

),

years as (

    select
        fold,
        client_idx,
        is_birth_year_unreadable,
        cast(extract(year from cutoff_at) as int) - birth_year as oldest_age
    from clients

),

-- Only the year of birth is known: whoever has a birthday still to come is a year younger. A year
-- that is nobody's says nothing, and is no year that nobody stated.
ages as (

    select
        fold,
        client_idx,
        case when oldest_age between 0 and 120 then oldest_age - 1 end as youngest_age,
        case when oldest_age between 0 and 120 then oldest_age end as oldest_age,
        coalesce(is_birth_year_unreadable, false)
        or coalesce(oldest_age not between 0 and 120, false) as is_unreadable
    from years

),

age_pairs as (

    select
        ages.fold,
        ages.client_idx,
        services.service_idx,
        case
            when ages.youngest_age is null then 'unknown_age'
            when ages.youngest_age < services.min_age then 'too_young'
            else 'too_old'
        end as reason
    from services
    inner join ages
        on
            services.fold = ages.fold
            and (
                services.min_age > ages.youngest_age
                or services.max_age < ages.oldest_age
                or (ages.youngest_age is null and ages.is_unreadable)
                {% if not var('unknown_age_is_allowed') -%}
                    or ages.youngest_age is null
                {%- endif %}
            )
    where services.min_age is not null or services.max_age is not null

)

{%- if var('excluded_partner_pairs') %},

excluded_partner_pairs as (

    {% for partner_ids in var('excluded_partner_pairs') -%}
        select
            '{{ partner_ids[0] | replace("'", "''") }}' as partner_id,
            '{{ partner_ids[1] | replace("'", "''") }}' as excluded_partner_id
        {{ "union" if not loop.last }}
    {% endfor %}
),

partner_clients as (

    select distinct
        fold,
        client_idx,
        partner_id
    from uses

),

competitor_pairs as (

    select distinct
        partner_clients.fold,
        partner_clients.client_idx,
        services.service_idx,
        'client_of_competitor' as reason
    from partner_clients
    inner join excluded_partner_pairs as excluded
        on partner_clients.partner_id = excluded.partner_id
    inner join services
        on
            partner_clients.fold = services.fold
            and excluded.excluded_partner_id = services.partner_id

)
{%- endif %}

select
    fold,
    client_idx,
    service_idx,
    reason
from owned_pairs

union all

select
    fold,
    client_idx,
    service_idx,
    reason
from out_of_region_pairs

union all

select
    fold,
    client_idx,
    service_idx,
    reason
from age_pairs
{% if var('excluded_partner_pairs') %}
union all

select
    fold,
    client_idx,
    service_idx,
    reason
from competitor_pairs
{% endif %}
