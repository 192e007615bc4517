with

renamed as (

    select
        {{ scoped_id('client_id') }} as client_id,
        {{ clean_id('source_partner_id') }} as source_partner_id,
        has_marketing_consent,
        registered_at,
        age_band,
        income_band,
        home_ownership,
        marital_status,
        household_size,
        household_composition,
        kids_count,
        email_hash,
        phone_hash,
        loyalty_hash,
        birth_year,
        region,
        updated_at,
        loaded_at
    from {{ source('raw', 'clients') }}

),

deduplicated as (

    select
        client_id,
        source_partner_id,
        has_marketing_consent,
        registered_at,
        age_band,
        income_band,
        home_ownership,
        marital_status,
        household_size,
        household_composition,
        kids_count,
        email_hash,
        phone_hash,
        loyalty_hash,
        birth_year,
        region,
        updated_at,
        loaded_at
    from renamed
    where client_id is not null
    qualify row_number() over (
        partition by client_id
        order by {{ newest_first([
            'has_marketing_consent',
            'registered_at',
            'age_band',
            'income_band',
            'home_ownership',
            'marital_status',
            'household_size',
            'household_composition',
            'kids_count',
            'email_hash',
            'phone_hash',
            'loyalty_hash',
            'birth_year',
            'region',
            'updated_at',
            'source_partner_id',
        ]) }}
    ) = 1

)

select
    client_id,
    source_partner_id,
    has_marketing_consent,
    registered_at,
    age_band,
    income_band,
    home_ownership,
    marital_status,
    household_size,
    household_composition,
    kids_count,
    email_hash,
    phone_hash,
    loyalty_hash,
    birth_year,
    region,
    updated_at,
    loaded_at
from deduplicated
