{%- set keys = ['client_idx', 'part_number'] -%}
with

part_names as (

    select distinct
        part_number,
        part_kind || '_share' as part_kind,
        part
    from {{ ref('int_service_parts_by_fold') }}

),

-- By number: texts would be hashed and copied for every use.
part_sums as (

    select
        {% for fold in folds() -%}
            {%- set spend = 'greatest(uses.amount_' ~ fold ~ ', 0)' -%}
            {{ exact_sum(spend ~ ' * parts.part_share_' ~ fold) }} as spend_{{ fold }},
            max(case when parts.part_share_{{ fold }} is not null then uses.known_at_{{ fold }} end)
                as known_at_{{ fold }},
        {% endfor -%}
        uses.client_idx,
        parts.part_number
    from {{ ref('int_interactions_by_fold') }} as uses
    inner join {{ ref('int_service_parts_by_fold') }} as parts
        on uses.service_idx = parts.service_idx
    group by uses.client_idx, parts.part_number

),

client_sums as (

    select
        {% for fold in folds() -%}
            {{ exact_sum('greatest(amount_' ~ fold ~ ', 0)') }} as spend_{{ fold }},
        {% endfor -%}
        client_idx
    from {{ ref('int_interactions_by_fold') }}
    group by client_idx

),

shares as (

    select
        {% for fold in folds() -%}
            {{ ratio('part_sums.spend_' ~ fold, 'client_sums.spend_' ~ fold) }}
                as spend_share_{{ fold }},
        {% endfor -%}
        part_sums.*
    from part_sums
    inner join client_sums
        on part_sums.client_idx = client_sums.client_idx

),

shares_by_fold as (

    {{ one_row_per_fold('shares', keys, ['spend', 'spend_share', 'known_at']) }}

)

select
    shares_by_fold.fold,
    shares_by_fold.client_idx,
    part_names.part_kind,
    part_names.part,
    shares_by_fold.spend,
    shares_by_fold.spend_share,
    shares_by_fold.known_at
from shares_by_fold
inner join part_names
    on shares_by_fold.part_number = part_names.part_number
