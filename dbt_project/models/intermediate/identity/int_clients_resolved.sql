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
                coalesce(records.updated_at, records.loaded_at) desc nulls last,
                records.client_id asc
        ) as recency_rank
    from {{ ref('int_clients_unioned') }} as records
    inner join {{ ref('client_identities') }} as identities
        on records.client_id = identities.source_client_id

)

select
    client_id,
    -- The strictest word counts: a no anywhere is a no, and a yes is one only if all say it.
    case
        when count_if(has_marketing_consent = false) > 0 then false
        when count(has_marketing_consent) = count(*) then true
    end as has_marketing_consent,
    min(registered_at) as registered_at,
    {{ newest_word('age_band') }} as age_band,
    {{ newest_word('income_band') }} as income_band,
    {{ newest_word('home_ownership') }} as home_ownership,
    {{ newest_word('marital_status') }} as marital_status,
    {{ newest_word('household_size') }} as household_size,
    {{ newest_word('household_composition') }} as household_composition,
    {{ newest_word('kids_count') }} as kids_count,
    {{ newest_word('birth_year') }} as birth_year,
    {{ newest_word('region') }} as region
from records
group by client_id
