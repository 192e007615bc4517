-- Where a client's interest lies: what cold clients are known by.
with

interests as (

    select
        interests.fold,
        interests.client_idx,
        services.partner_id,
        services.service_category,
        interests.weight,
        interests.known_at
    from {{ ref('interests') }} as interests
    inner join {{ ref('int_services_by_fold') }} as services
        on
            interests.fold = services.fold
            and interests.service_idx = services.service_idx

),

totals as (

    select
        fold,
        client_idx,
        {{ exact_sum('weight') }} as total_weight
    from interests
    group by fold, client_idx

),

parts as (

    select
        fold,
        client_idx,
        'web_partner' as part_kind,
        partner_id as part,
        {{ exact_sum('weight') }} as part_weight,
        max(known_at) as known_at
    from interests
    group by fold, client_idx, partner_id

    union all

    select
        fold,
        client_idx,
        'web_category' as part_kind,
        service_category as part,
        {{ exact_sum('weight') }} as part_weight,
        max(known_at) as known_at
    from interests
    where service_category is not null
    group by fold, client_idx, service_category

)

select
    parts.fold,
    parts.client_idx,
    parts.part_kind,
    parts.part,
    {{ ratio('parts.part_weight', 'totals.total_weight') }} as interest_share,
    parts.known_at
from parts
inner join totals
    on
        parts.fold = totals.fold
        and parts.client_idx = totals.client_idx
