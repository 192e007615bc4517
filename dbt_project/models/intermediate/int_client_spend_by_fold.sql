with

service_spend as (

    select
        interactions.fold,
        interactions.client_idx,
        services.partner_id,
        services.service_category,
        services.private_label_share,
        greatest(interactions.amount, 0) as spend,
        interactions.known_at
    from {{ ref('interactions') }} as interactions
    inner join {{ ref('int_services_by_fold') }} as services
        on
            interactions.fold = services.fold
            and interactions.service_idx = services.service_idx

),

client_spend as (

    select
        fold,
        client_idx,
        {{ exact_sum('spend') }} as total_spend
    from service_spend
    group by fold, client_idx

),

spend_parts as (

    select
        fold,
        client_idx,
        'partner_share' as part_kind,
        partner_id as part,
        {{ exact_sum('spend') }} as spend,
        max(known_at) as known_at
    from service_spend
    group by fold, client_idx, partner_id

    union all

    select
        fold,
        client_idx,
        'category_share' as part_kind,
        service_category as part,
        {{ exact_sum('spend') }} as spend,
        max(known_at) as known_at
    from service_spend
    where service_category is not null
    group by fold, client_idx, service_category

    union all

    select
        fold,
        client_idx,
        'private_label_share' as part_kind,
        null as part,
        {{ exact_sum('spend * private_label_share') }} as spend,
        max(known_at) as known_at
    from service_spend
    where private_label_share is not null
    group by fold, client_idx

)

select
    spend_parts.fold,
    spend_parts.client_idx,
    spend_parts.part_kind,
    spend_parts.part,
    spend_parts.spend,
    {{ ratio('spend_parts.spend', 'client_spend.total_spend') }} as spend_share,
    spend_parts.known_at
from spend_parts
inner join client_spend
    on
        spend_parts.fold = client_spend.fold
        and spend_parts.client_idx = client_spend.client_idx
