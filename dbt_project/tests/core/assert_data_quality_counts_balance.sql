-- Every raw row is accounted for: per entity, read = accepted + rejected + duplicates.
select
    entity,
    sum(case when outcome_kind = 'read' then row_count else 0 end) as read_count,
    sum(case when outcome_kind <> 'read' then row_count else 0 end) as accounted_count
from {{ ref('data_quality_counts') }}
group by entity
having
    sum(case when outcome_kind = 'read' then row_count else 0 end)
    <> sum(case when outcome_kind <> 'read' then row_count else 0 end)
