{#- The folds, and how many horizons before the end of the data each is cut off. -#}
{% macro folds() -%}
    {{ return({'validation': 2, 'test': 1, 'serving': 0}) }}
{%- endmacro %}


{#- What of a gate is the fold's own: `age_days` and `is_known` in an expression become those of the
    fold. An expression without either would see what the fold must not know, and is refused. -#}
{% macro as_known_by(fold, expression) -%}
    {%- set known = modules.re.sub('\\bis_known\\b', '(age_days is not null)', expression) -%}
    {%- set fitted = modules.re.sub('\\bage_days\\b', 'age_days_' ~ fold, known) -%}
    {%- if fitted == known -%}
        {{ exceptions.raise_compiler_error(
            'Neither is_known nor age_days is in "' ~ expression ~ '": it would learn from events after the cutoff.'
        ) }}
    {%- endif -%}
    {{ return(fitted) }}
{%- endmacro %}


{#- A gate's events by some keys, read once: each measure once per fold, as <measure>_<fold>. Measures
    are aggregates over what `is_known` to the fold, or over `age_days`, which is null for the rest. -#}
{% macro side_by_side(gate, keys, measures, condition=none) -%}
    select
        {{ keys | join(', ') }},
        {%- for fold in folds() -%}
            {%- set is_last_fold = loop.last -%}
            {%- for measure, aggregate in measures.items() %}
        {{ as_known_by(fold, aggregate) }} as {{ measure }}_{{ fold }}
                {{- ',' if not (loop.last and is_last_fold) -}}
            {%- endfor -%}
        {%- endfor %}
    from {{ gate }}
    {%- if condition %}
    where {{ condition }}
    {%- endif %}
    group by {{ keys | join(', ') }}
{%- endmacro %}


{#- A row per fold of what stands side by side, for the folds that know something. Joined with the few
    folds, rows stream through; a union would keep them in memory to read them once per fold. -#}
{% macro one_row_per_fold(relation, keys, measures, is_seen='known_at is not null') -%}
    select *
    from (
        select
            windows.fold,
            {%- for key in keys %}
            measured.{{ key }},
            {%- endfor %}
            {%- for measure in measures %}
            {{ of_its_fold('measured', measure) }} as {{ measure }}{{ ',' if not loop.last }}
            {%- endfor %}
        from {{ relation }} as measured
        cross join {{ ref('training_windows') }} as windows
    ) as measured_by_fold
    where {{ is_seen }}
{%- endmacro %}


{#- The one of <measure>_<fold> that belongs to the fold of `windows`. -#}
{% macro of_its_fold(relation, measure) -%}
    case windows.fold
        {%- for fold in folds() %} when '{{ fold }}' then {{ relation }}.{{ measure }}_{{ fold }}{% endfor %} end
{%- endmacro %}


{#- A gate for many events: each event once that any fold may know of, with its age at the cutoff of
    each fold, as age_days_<fold>; null where the fold may not know of it. `plant_leak` opens the gates
    by a day, to show that the leak tests can fail; nothing else may. -#}
{% macro aged_events(events, columns, occurred_at='occurred_at') -%}
    select
        {%- for name, expression in columns.items() %}
        {{ expression }} as {{ name }},
        {%- endfor %}
        {%- for fold in folds() %}
        case
            when events.{{ occurred_at }} < cutoffs.{{ fold }}_known_until_at
                then {{ days_between('events.' ~ occurred_at, 'cutoffs.' ~ fold ~ '_cutoff_at') }}
        end as age_days_{{ fold }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ events }} as events
    inner join (
        select
            {%- for fold in folds() %}
            max(case when fold = '{{ fold }}' then cutoff_at end) as {{ fold }}_cutoff_at,
            max(case when fold = '{{ fold }}' then {{ known_until('cutoff_at') }} end) as {{ fold }}_known_until_at,
            {%- endfor %}
            max({{ known_until('cutoff_at') }}) as any_known_until_at
        from {{ ref('training_windows') }}
    ) as cutoffs
        on events.{{ occurred_at }} < cutoffs.any_known_until_at
{%- endmacro %}


{#- The moment before which a fold knows what happened: its cutoff. -#}
{% macro known_until(cutoff_at) -%}
    {%- if var('plant_leak') -%}
        {{ add_days(cutoff_at, 1) }}
    {%- else -%}
        {{ cutoff_at }}
    {%- endif -%}
{%- endmacro %}
