-- Where a client's interest lies: what cold clients are known by.
{%- set keys = ['client_idx', 'part_number'] %}
with

service_parts as (

    select * from {{ ref('int_service_parts_by_fold') }}
    where part_kind in ('partner', 'category')

),

part_names as (

    select distinct
        part_number,
        'web_' || part_kind as part_kind,
        part
    from service_parts

),

-- By number: texts would be hashed and copied for every pair.
part_sums as (

    select
        {% for fold in folds() -%}
            {%- set part_weight = 'interests.weight_' ~ fold ~ ' * parts.part_share_' ~ fold -%}
            {{ exact_sum(part_weight) }} as part_weight_{{ fold }},
            max(
                case
                    when parts.part_share_{{ fold }} is not null then interests.known_at_{{ fold }}
                end
            ) as known_at_{{ fold }},
        {% endfor -%}
        interests.client_idx,
        parts.part_number
    from {{ ref('int_interests_by_fold') }} as interests
    inner join service_parts as parts
        on interests.service_idx = parts.service_idx
    group by interests.client_idx, parts.part_number

),

client_sums as (

    select
        {% for fold in folds() -%}
            {{ exact_sum('weight_' ~ fold) }} as total_weight_{{ fold }},
        {% endfor -%}
        client_idx
    from {{ ref('int_interests_by_fold') }}
    group by client_idx

),

shares as (

    select
        {% for fold in folds() -%}
            {{ ratio('part_sums.part_weight_' ~ fold, 'client_sums.total_weight_' ~ fold) }}
                as interest_share_{{ fold }},
        {% endfor -%}
        part_sums.*
    from part_sums
    inner join client_sums
        on part_sums.client_idx = client_sums.client_idx

),

shares_by_fold as (

    {{ one_row_per_fold('shares', keys, ['interest_share', 'known_at']) }}

)

select
    shares_by_fold.fold,
    shares_by_fold.client_idx,
    part_names.part_kind,
    part_names.part,
    shares_by_fold.interest_share,
    shares_by_fold.known_at
from shares_by_fold
inner join part_names
    on shares_by_fold.part_number = part_names.part_number
