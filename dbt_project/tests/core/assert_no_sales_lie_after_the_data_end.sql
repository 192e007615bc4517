-- Sales after the last day that the data reach as a whole are few, and likely have a wrong date. If
-- they are right, set the var as_of, or lower data_end_week_share or data_end_partner_share.
{{ config(severity='warn') }}
select
    newest_event_at,
    later_row_count
from {{ ref('int_data_end') }}
where later_row_count > 0
