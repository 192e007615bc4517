with

deliveries as (

    select * from {{ ref('int_deliveries') }}
    where entity = 'clients'

),

records as (

    select
        identities.client_id,
        records.has_marketing_consent,
        records.registered_at,
        records.age_band,
        records.income_band,
        records.home_ownership,
        records.marital_status,
        records.household_size,
        records.household_composition,
        records.kids_count,
        records.birth_year,
        records.region,
        records.unread_columns,
        -- Known from events alone, though the partner delivers clients; or the partner has since
        -- sent clients that could not be read.
        deliveries.partner_id is not null
        and (
            records.is_derived
            or coalesce(records.loaded_at < deliveries.refused_at, false)
        ) as is_unread,
        row_number() over (
            partition by identities.client_id
            order by
                {{ stated_from('records.updated_at', 'records.loaded_at') }} desc,
                records.client_id asc
        ) as recency_rank
    from {{ ref('int_clients_unioned') }} as records
    inner join {{ ref('client_identities') }} as identities
        on records.client_id = identities.source_client_id
    left join deliveries
        on records.source_partner_id = deliveries.partner_id

)

select
    client_id,
    {{ one_client_of_records() }},
    count_if(is_unread or {{ is_unreadable('has_marketing_consent') }}) > 0
        as is_consent_unreadable,
    count_if(is_unread or {{ is_unreadable('birth_year') }}) > 0 as is_birth_year_unreadable,
    count_if(is_unread or {{ is_unreadable('region') }}) > 0 as is_region_unreadable
from records
group by client_id
