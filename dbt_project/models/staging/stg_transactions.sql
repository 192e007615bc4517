{% set renamed %}
    select
        {{ scoped_id('transaction_id') }} as transaction_id,
        {{ scoped_id('client_id') }} as client_id,
        {{ scoped_id('service_id') }} as service_id,
        {{ scoped_id('basket_id') }} as basket_id,
        {{ finite_or_null('quantity') }} as quantity,
        {{ finite_or_null('amount') }} as amount,
        coalesce({{ finite_or_null('discount_amount') }}, 0) as discount_amount,
        transacted_at,
        loaded_at
    from {{ source('raw', 'transactions') }}
{% endset -%}
{% set attributes = [
    'client_id',
    'service_id',
    'basket_id',
    'quantity',
    'amount',
    'discount_amount',
    'transacted_at',
] -%}
{% set key = ['transaction_id'] -%}
{{ newest_rows(renamed, key, key + attributes + ['loaded_at'], attributes) }}
