-- Each fold's labels end where the next fold's begin, and every interval has the stated length.
with

windows as (

    select
        *,
        lead(cutoff_at) over (order by cutoff_at) as next_cutoff_at
    from {{ ref('training_windows') }}

)

select *
from windows
where
    horizon_end_at <> {{ add_days('cutoff_at', 'horizon_days') }}
    or horizon_end_at <> next_cutoff_at
