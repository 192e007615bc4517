{#-
    Everything that DuckDB and Spark SQL write differently. Models call these macros and
    stay free of engine syntax; a new engine adds its own <engine>__ versions here.
    All timestamps are UTC without a zone.
-#}

{#- Seconds from one timestamp to another, as double, with fractions. -#}
{% macro seconds_between(from_at, to_at) -%}
    {{ return(adapter.dispatch('seconds_between', 'cross_sell')(from_at, to_at)) }}
{%- endmacro %}

{% macro default__seconds_between(from_at, to_at) -%}
    cast({{ dbt.datediff(from_at, to_at, 'second') }} as double)
{%- endmacro %}

{% macro duckdb__seconds_between(from_at, to_at) -%}
    (cast(epoch_us({{ to_at }}) - epoch_us({{ from_at }}) as double) / 1000000)
{%- endmacro %}

{% macro spark__seconds_between(from_at, to_at) -%}
    (cast(unix_micros(cast({{ to_at }} as timestamp)) - unix_micros(cast({{ from_at }} as timestamp)) as double) / 1000000)
{%- endmacro %}


{#- Days from one timestamp to another, as double, with fractions. -#}
{% macro days_between(from_at, to_at) -%}
    ({{ seconds_between(from_at, to_at) }} / 86400)
{%- endmacro %}


{#- A timestamp moved by a whole number of days (a number or an expression; may be negative). -#}
{% macro add_days(timestamp_at, day_count) -%}
    {{ return(adapter.dispatch('add_days', 'cross_sell')(timestamp_at, day_count)) }}
{%- endmacro %}

{% macro default__add_days(timestamp_at, day_count) -%}
    cast({{ dbt.dateadd('day', day_count, timestamp_at) }} as timestamp)
{%- endmacro %}

{% macro duckdb__add_days(timestamp_at, day_count) -%}
    (cast({{ timestamp_at }} as timestamp) + to_days(cast({{ day_count }} as int)))
{%- endmacro %}

{% macro spark__add_days(timestamp_at, day_count) -%}
    (cast({{ timestamp_at }} as timestamp) + make_dt_interval(cast({{ day_count }} as int)))
{%- endmacro %}


{#- The first moment after a timestamp: a microsecond later. -#}
{% macro right_after(timestamp_at) -%}
    {{ return(adapter.dispatch('right_after', 'cross_sell')(timestamp_at)) }}
{%- endmacro %}

{% macro default__right_after(timestamp_at) -%}
    {{ dbt.dateadd('microsecond', 1, timestamp_at) }}
{%- endmacro %}

{% macro duckdb__right_after(timestamp_at) -%}
    (cast({{ timestamp_at }} as timestamp) + to_microseconds(1))
{%- endmacro %}

{% macro spark__right_after(timestamp_at) -%}
    timestampadd(microsecond, 1, cast({{ timestamp_at }} as timestamp))
{%- endmacro %}


{#- Midnight at the start of the timestamp's day, as timestamp. -#}
{% macro start_of_day(timestamp_at) -%}
    cast(date_trunc('day', {{ timestamp_at }}) as timestamp)
{%- endmacro %}


{#- Midnight at the end of the timestamp's day, as timestamp. -#}
{% macro start_of_next_day(timestamp_at) -%}
    {{ add_days(start_of_day(timestamp_at), 1) }}
{%- endmacro %}


{#- Midnight at which the timestamp's step of some days began. Steps are counted from Monday, 1 January
    1900, so that steps of 7 days begin on Mondays, whatever data there is. -#}
{% macro start_of_step(timestamp_at, day_count) -%}
    {%- if day_count is not integer or day_count < 1 -%}
        {%- do exceptions.raise_compiler_error('a step has a whole number of days, 1 or more, not ' ~ day_count) -%}
    {%- endif -%}
    {%- set first_monday = timestamp_literal('1900-01-01') -%}
    {{ add_days(
        first_monday,
        day_count ~ ' * floor(' ~ days_between(first_monday, timestamp_at) ~ ' / ' ~ day_count ~ ')'
    ) }}
{%- endmacro %}


{#- A constant timestamp from ISO text, e.g. '2017-11-01' or '2017-11-01 12:30:00'. -#}
{% macro timestamp_literal(iso_text) -%}
    cast('{{ iso_text }}' as timestamp)
{%- endmacro %}


{#- Aggregate: the interpolated quantile of a column, fraction in [0, 1]. -#}
{% macro quantile(value, fraction) -%}
    percentile_cont({{ fraction }}) within group (order by {{ value }})
{%- endmacro %}


{#- What is left of 1 after age_days with the given half-life. An age below zero counts as zero. -#}
{% macro half_life_decay(age_days, half_life_days) -%}
    power(cast(0.5 as double), greatest(cast({{ age_days }} as double), 0) / {{ half_life_days }})
{%- endmacro %}


{#- ln(1 + value): the natural logarithm, spelled so on both engines. -#}
{% macro ln_1p(value) -%}
    ln(1 + cast({{ value }} as double))
{%- endmacro %}


{#- A fraction as double; null where the denominator is zero or null. -#}
{% macro ratio(numerator, denominator) -%}
    (cast({{ numerator }} as double) / nullif(cast({{ denominator }} as double), 0))
{%- endmacro %}


{#- The number, or null where it is not a number or infinite: such a value would otherwise
    compare as larger than everything and poison every sum. -#}
{% macro finite_or_null(value) -%}
    {{ return(adapter.dispatch('finite_or_null', 'cross_sell')(value)) }}
{%- endmacro %}

{% macro default__finite_or_null(value) -%}
    case when abs({{ value }}) < cast('infinity' as double) then {{ value }} end
{%- endmacro %}

{% macro duckdb__finite_or_null(value) -%}
    case when isfinite({{ value }}) then {{ value }} end
{%- endmacro %}

{% macro spark__finite_or_null(value) -%}
    case when not isnan({{ value }}) and abs({{ value }}) < double('infinity') then {{ value }} end
{%- endmacro %}


{#- A text as a number, or null where it is none. -#}
{% macro number_or_null(text) -%}
    {{ return(adapter.dispatch('number_or_null', 'cross_sell')(text)) }}
{%- endmacro %}

{% macro default__number_or_null(text) -%}
    try_cast({{ text }} as double)
{%- endmacro %}


{#- The id exactly as it came, blanks and leading zeros included; null where there is nothing but
    blanks, so that an empty string never becomes a client or a service of its own. -#}
{% macro clean_id(column_name) -%}
    case when trim({{ column_name }}) <> '' then {{ column_name }} end
{%- endmacro %}


{#- An id that is unique over all partners: `<partner>:<id>` where the row's source_partner_id says
    that the id is a partner's own, else the id alone. Null where there is no id. -#}
{% macro scoped_id(column_name) -%}
    case
        when trim({{ column_name }}) = '' then null
        when trim(source_partner_id) <> '' then source_partner_id || ':' || {{ column_name }}
        else {{ column_name }}
    end
{%- endmacro %}


{#- Order for row_number() that keeps the newest row of a key: of the newest load the one that was
    stated last, where rows say so, then that of the later file, then the later line. Rows that
    nothing of this tells apart go by `strictest`, what protects somebody first; then, where
    `columns` are given, by the hash of all they say, which prefers no value and is the same at every
    build. Nulls come last on every engine. -#}
{% macro newest_first(columns=[], stated_at=none, strictest=[]) -%}
    loaded_at desc nulls last
    {%- if stated_at is not none -%}
        , {{ stated_at }} desc nulls last
    {%- endif -%}
    , source_file desc nulls last, source_line desc nulls last
    {%- for expression in strictest -%}
        , {{ expression }}
    {%- endfor -%}
    {%- if columns %}, {{ row_hash(columns) }}{% endif %}
{%- endmacro %}


{#- SHA-256 of a string (UTF-8), as 64 lowercase hexadecimal digits. -#}
{% macro sha256_text(text) -%}
    {{ return(adapter.dispatch('sha256_text', 'cross_sell')(text)) }}
{%- endmacro %}

{% macro default__sha256_text(text) -%}
    sha2({{ text }}, 256)
{%- endmacro %}

{% macro duckdb__sha256_text(text) -%}
    sha256({{ text }})
{%- endmacro %}


{#- A share in whole percent, as text: '25%'. -#}
{% macro percentage(part, whole) -%}
    cast(cast(round(100 * {{ ratio(part, whole) }}) as int) as string) || '%'
{%- endmacro %}
