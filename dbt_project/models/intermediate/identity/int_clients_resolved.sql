with

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
        row_number() over (
            partition by identities.client_id
            order by
                {{ stated_from('records.updated_at', 'records.loaded_at') }} desc,
                records.client_id asc
        ) as recency_rank
    from {{ ref('int_clients_unioned') }} as records
    inner join {{ ref('client_identities') }} as identities
        on records.client_id = identities.source_client_id

)

select
    client_id,
    {{ one_client_of_records() }}
from records
group by client_id
