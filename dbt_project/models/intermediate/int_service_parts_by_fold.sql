-- What spend and interest are divided by: each service counts for its partner, for its category
-- and, with a share, as private label. Folds may differ, since a service may change what it is.
with

service_parts as (

    select
        fold,
        service_idx,
        'partner' as part_kind,
        partner_id as part,
        cast(1 as double) as part_share
    from {{ ref('int_services_by_fold') }}

    union all

    select
        fold,
        service_idx,
        'category' as part_kind,
        service_category as part,
        cast(1 as double) as part_share
    from {{ ref('int_services_by_fold') }}
    where service_category is not null

    union all

    select
        fold,
        service_idx,
        'private_label' as part_kind,
        cast(null as string) as part,
        private_label_share as part_share
    from {{ ref('int_services_by_fold') }}
    where private_label_share is not null

),

numbered_parts as (

    select
        *,
        cast(dense_rank() over (order by part_kind, part) as int) as part_number
    from service_parts

)

select
    {% for fold in folds() -%}
        max(case when fold = '{{ fold }}' then part_share end) as part_share_{{ fold }},
    {% endfor -%}
    service_idx,
    part_number,
    part_kind,
    part
from numbered_parts
group by service_idx, part_number, part_kind, part
