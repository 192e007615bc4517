{#- Ten bins of about equal mass in the reference, and beside them a bin for what is missing and one
    each for values below and above everything that the reference has. -#}
with

cells as (

    select
        *,
        sum(reference_count) over (
            partition by scope, feature
            order by cell
            rows between unbounded preceding and current row
        ) as count_up_to,
        sum(reference_count) over (partition by scope, feature) as present_count,
        min(case when reference_count > 0 then cell end) over (partition by scope, feature)
            as least_cell,
        max(case when reference_count > 0 then cell end) over (partition by scope, feature)
            as greatest_cell
    from {{ ref('int_feature_values_compared') }}

),

-- The mid-rank of a value decides, as in the macro mass_bin: equal values share a bin.
reference_bins as (

    select
        *,
        case
            when reference_count > 0
                then cast(
                    floor(
                        {{ ratio('(2 * count_up_to - reference_count) * 10', '2 * present_count') }}
                    ) + 1 as int
                )
        end as reference_bin
    from cells

),

binned_cells as (

    select
        scope,
        feature,
        reference_count,
        current_count,
        reference_population,
        current_population,
        case
            when least_cell is null or cell > greatest_cell then 'above'
            when cell < least_cell then 'below'
            -- What the reference lacks between two of its values goes with the lower one.
            else
                cast(
                    max(reference_bin) over (
                        partition by scope, feature
                        order by cell
                        rows between unbounded preceding and current row
                    ) as string
                )
        end as bin
    from reference_bins

),

present_bins as (

    select
        scope,
        feature,
        bin,
        cast(sum(reference_count) as bigint) as reference_count,
        cast(sum(current_count) as bigint) as current_count,
        max(reference_population) as reference_population,
        max(current_population) as current_population
    from binned_cells
    group by scope, feature, bin

),

missing_bins as (

    select
        scope,
        feature,
        'missing' as bin,
        cast(max(reference_population) - sum(reference_count) as bigint) as reference_count,
        cast(max(current_population) - sum(current_count) as bigint) as current_count,
        max(reference_population) as reference_population,
        max(current_population) as current_population
    from present_bins
    group by scope, feature

),

bins as (

    select * from present_bins

    union all

    select * from missing_bins

)

select * from bins
-- A bin that nobody was or is in is none.
where reference_count + current_count > 0
