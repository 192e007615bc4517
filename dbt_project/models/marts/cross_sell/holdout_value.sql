with

first_candidates as (

    select *
    from {{ ref('holdout_predictions') }}
    where candidate_rank <= {{ var('offers_per_client') }}

),

services as (

    select * from {{ ref('dim_services') }}

)

select
    first_candidates.run_id,
    first_candidates.fold,
    first_candidates.model_name,
    first_candidates.candidate_rank,
    count(*) filter (where first_candidates.is_positive) as conversion_count,
    coalesce(
        {{ exact_sum('services.unit_margin', 'first_candidates.is_positive') }}, 0
    ) as conversion_margin
from first_candidates
inner join services
    on first_candidates.service_id = services.service_id
group by
    first_candidates.run_id,
    first_candidates.fold,
    first_candidates.model_name,
    first_candidates.candidate_rank
