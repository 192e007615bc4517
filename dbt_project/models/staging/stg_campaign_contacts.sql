{% set renamed %}
    select
        {{ scoped_id('campaign_id') }} as campaign_id,
        {{ scoped_id('client_id') }} as client_id,
        contacted_at,
        responded_at,
        coalesce(is_control, false) as is_control,
        source_file,
        source_line,
        loaded_at
    from {{ source('raw', 'campaign_contacts') }}
{% endset -%}
{% set attributes = [
    'contacted_at',
    'responded_at',
    'is_control',
] -%}
{% set key = ['campaign_id', 'client_id'] -%}
{{ newest_rows(renamed, key, key + attributes + ['loaded_at']) }}
