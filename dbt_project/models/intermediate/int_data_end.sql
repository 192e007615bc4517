-- One wrong date must not move the end of the data for everybody. The data reach a day where the
-- week up to it is not far below the usual, and where the partners that sold within a horizon up to
-- it account for more than a small share of all sales.
with

sales as (

    select
        partner_id,
        occurred_at,
        cast(
            floor({{ days_between(timestamp_literal('1900-01-01'), 'occurred_at') }}) as int
        ) as day_number
    from {{ ref('fct_interactions') }}

),

partner_days as (

    select
        partner_id,
        day_number,
        count(*) as row_count,
        max(occurred_at) as newest_event_at
    from sales
    group by partner_id, day_number

),

days as (

    select
        day_number,
        sum(row_count) as row_count,
        max(newest_event_at) as newest_event_at
    from partner_days
    group by day_number

),

weeks as (

    select
        day_number,
        newest_event_at,
        sum(row_count) over (
            order by day_number range between 6 preceding and current row
        ) as week_row_count,
        row_number() over (order by day_number desc) as place,
        coalesce(sum(row_count) over (
            order by day_number desc rows between unbounded preceding and 1 preceding
        ), 0) as later_row_count
    from days

),

-- Of about the newest year: a programme may have been larger or smaller before.
usual_weeks as (

    select {{ quantile('week_row_count', 0.5) }} as row_count
    from weeks
    where place <= 364

),

partner_spans as (

    select
        partner_id,
        day_number as first_day_number,
        -- Up to the day before its next sale, so that a partner counts once for each day.
        least(
            day_number + {{ var('horizon_days') }},
            coalesce(
                lead(day_number) over (partition by partner_id order by day_number),
                day_number + {{ var('horizon_days') }}
            )
        ) as end_day_number
    from partner_days

),

partners as (

    select
        partner_id,
        sum(row_count) as row_count
    from partner_days
    group by partner_id

),

reached as (

    select
        days.day_number,
        sum(partners.row_count) as row_count
    from days
    inner join partner_spans
        on
            days.day_number >= partner_spans.first_day_number
            and days.day_number < partner_spans.end_day_number
    inner join partners on partner_spans.partner_id = partners.partner_id
    group by days.day_number

),

judged as (

    select
        weeks.newest_event_at,
        weeks.later_row_count,
        {{ ratio('weeks.week_row_count', 'usual_weeks.row_count') }} as week_share,
        {{ ratio('reached.row_count', 'sum(days.row_count) over ()') }} as partner_share,
        weeks.place
    from weeks
    inner join days on weeks.day_number = days.day_number
    inner join reached on weeks.day_number = reached.day_number
    cross join usual_weeks

),

-- Where no day is believed, as of partners who follow one another, the newest ends the data.
ranked as (

    select
        *,
        row_number() over (
            order by
                case
                    when
                        week_share >= {{ var('data_end_week_share') }}
                        and partner_share >= {{ var('data_end_partner_share') }}
                        then 0
                    else 1
                end,
                place asc
        ) as choice
    from judged

)

select
    newest_event_at,
    week_share,
    partner_share,
    cast(later_row_count as bigint) as later_row_count
from ranked
where choice = 1
