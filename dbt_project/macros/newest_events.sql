{#-
    What stg_transactions and stg_web_events select, from any rows of their raw table: a build after new
    events needs only the rows of some keys (kept_rows), and the same rules for them.
-#}
{% macro newest_transactions(raw_rows) -%}
    {% set renamed %}
        select
            {{ scoped_id('transaction_id') }} as transaction_id,
            {{ scoped_id('client_id') }} as client_id,
            {{ scoped_id('service_id') }} as service_id,
            {{ scoped_id('basket_id') }} as basket_id,
            {{ finite_or_null('quantity') }} as quantity,
            {{ finite_or_null('amount') }} as amount,
            coalesce({{ finite_or_null('discount_amount') }}, 0) as discount_amount,
            {{ is_given_back() }} as is_refund,
            transacted_at,
            source_file,
            source_line,
            loaded_at
        from {{ raw_rows }}
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
    {#- A refund may come under the id of a sale, and does not take its place. -#}
    {% set key = ['transaction_id', 'is_refund'] -%}
    {{ newest_rows(renamed, key, key + attributes + ['loaded_at']) }}
{%- endmacro %}


{% macro newest_web_events(raw_rows) -%}
    {% set renamed %}
        select
            {{ scoped_id('event_id') }} as event_id,
            {{ scoped_id('client_id') }} as client_id,
            {{ scoped_id('service_id') }} as service_id,
            lower(trim(event_type)) as event_type,
            search_text,
            occurred_at,
            source_file,
            source_line,
            loaded_at
        from {{ raw_rows }}
    {% endset -%}
    {% set attributes = [
        'client_id',
        'service_id',
        'event_type',
        'search_text',
        'occurred_at',
    ] -%}
    {% set key = ['event_id'] -%}
    {{ newest_rows(renamed, key, key + attributes + ['loaded_at']) }}
{%- endmacro %}
