with

first_candidates as (

    select *
    from {{ ref('holdout_predictions') }}
    where candidate_rank <= {{ var('offers_per_client') }}

),

unit_margins as (

    select * from {{ ref('int_holdout_unit_margins') }}

)

select
    first_candidates.run_id,
    first_candidates.fold,
    first_candidates.model_name,
    first_candidates.candidate_rank,
    count(*) filter (where first_candidates.is_positive) as conversion_count,
    coalesce(
        {{ exact_sum('unit_margins.unit_margin', 'first_candidates.is_positive') }}, 0
    ) as conversion_margin
from first_candidates
inner join unit_margins
    on
        first_candidates.run_id = unit_margins.run_id
        and first_candidates.fold = unit_margins.fold
        and first_candidates.service_id = unit_margins.service_id
group by
    first_candidates.run_id,
    first_candidates.fold,
    first_candidates.model_name,
    first_candidates.candidate_rank
