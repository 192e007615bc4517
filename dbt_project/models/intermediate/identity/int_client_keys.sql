{% set key_columns = {'email': 'email_hash', 'loyalty': 'loyalty_hash', 'phone': 'phone_hash'} -%}
with

clients as (

    select * from {{ ref('int_clients_unioned') }}

)

{% for key_kind, column in key_columns.items() -%}
    {{ 'union all' if not loop.first }}
    select
        client_id as source_client_id,
        source_partner_id,
        '{{ key_kind }}' as key_kind,
        {{ clean_id(column) }} as key_value
    from clients
    where {{ clean_id(column) }} is not null
{% endfor -%}
