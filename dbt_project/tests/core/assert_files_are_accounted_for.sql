-- For every landing file that is in the raw tables: rows read = accepted + rejected, and the raw
-- tables hold exactly these. Also finds rows of files that the ledger does not have.
{% set entities = [
    'partners', 'clients', 'services', 'transactions', 'campaigns', 'campaign_contacts',
    'web_events', 'reviews',
] %}

with

current_files as (

    select
        source_file,
        max(entity) as entity,
        sum(read_count) as read_count,
        sum(accepted_count) as accepted_count,
        sum(rejected_count) as rejected_count,
        count(*) as ledger_row_count,
        sum(case when status <> 'loaded' then 1 else 0 end) as refused_row_count
    from {{ source('raw', 'loaded_files') }}
    where is_current
    group by source_file

),

raw_rows as (

    {% for entity in entities %}
        select
            source_file,
            count(*) as row_count
        from {{ source('raw', entity) }}
        where source_file is not null
        group by source_file
        union all
    {% endfor %}
    -- Attributes that came in the columns of another entity's file are no rows of that file.
    {% for entity in ['client_attributes', 'service_attributes'] %}
        select
            attributes.source_file,
            sum(case when current_files.entity = '{{ entity }}' then 1 else 0 end) as row_count
        from {{ source('raw', entity) }} as attributes
        left join current_files on attributes.source_file = current_files.source_file
        where attributes.source_file is not null
        group by attributes.source_file
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

accepted_rows as (

    select
        source_file,
        sum(row_count) as row_count
    from raw_rows
    group by source_file

),

rejected_rows as (

    select
        source_file,
        count(*) as row_count
    from {{ source('raw', 'rejected_rows') }}
    group by source_file

),

seen_files as (

    select source_file from current_files
    union
    select source_file from accepted_rows
    union
    select source_file from rejected_rows

)

select
    seen_files.source_file,
    current_files.read_count,
    current_files.accepted_count,
    current_files.rejected_count,
    accepted_rows.row_count as accepted_row_count,
    rejected_rows.row_count as rejected_row_count
from seen_files
left join current_files on seen_files.source_file = current_files.source_file
left join accepted_rows on seen_files.source_file = accepted_rows.source_file
left join rejected_rows on seen_files.source_file = rejected_rows.source_file
where
    coalesce(current_files.ledger_row_count, 0) <> 1
    -- A refused file cannot be current.
    or current_files.refused_row_count > 0
    or current_files.read_count <> current_files.accepted_count + current_files.rejected_count
    or current_files.accepted_count <> coalesce(accepted_rows.row_count, 0)
    or current_files.rejected_count <> coalesce(rejected_rows.row_count, 0)
