with

renamed as (

    select
        {{ scoped_id('event_id') }} as event_id,
        {{ scoped_id('client_id') }} as client_id,
        {{ scoped_id('service_id') }} as service_id,
        lower(trim(event_type)) as event_type,
        search_text,
        occurred_at,
        loaded_at
    from {{ source('raw', 'web_events') }}

),

deduplicated as (

    select
        event_id,
        client_id,
        service_id,
        event_type,
        search_text,
        occurred_at,
        loaded_at
    from renamed
    where event_id is not null
    qualify row_number() over (
        partition by event_id
        order by {{ newest_first([
            'client_id',
            'service_id',
            'event_type',
            'search_text',
            'occurred_at',
        ]) }}
    ) = 1

)

select
    event_id,
    client_id,
    service_id,
    event_type,
    search_text,
    occurred_at,
    loaded_at
from deduplicated
