-- Breakdowns name their dimension; a partner or band may be gone since the run.
select distinct segment
from {{ ref('metrics') }}
where
    segment not in ('all', 'warm', 'cold')
    and split_part(segment, ': ', 1) not in ('partner', 'activity', 'age', 'income')
