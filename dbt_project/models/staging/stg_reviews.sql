with

renamed as (

    select
        {{ scoped_id('review_id') }} as review_id,
        {{ scoped_id('client_id') }} as client_id,
        {{ scoped_id('service_id') }} as service_id,
        {{ finite_or_null('rating') }} as rating,
        reviewed_at,
        loaded_at
    from {{ source('raw', 'reviews') }}

),

deduplicated as (

    select
        review_id,
        client_id,
        service_id,
        rating,
        reviewed_at,
        loaded_at
    from renamed
    where review_id is not null
    qualify row_number() over (
        partition by review_id
        order by {{ newest_first([
            'client_id',
            'service_id',
            'rating',
            'reviewed_at',
        ]) }}
    ) = 1

)

select
    review_id,
    client_id,
    service_id,
    rating,
    reviewed_at,
    loaded_at
from deduplicated
