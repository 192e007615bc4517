{#- Fails for every interval that does not end after it begins, or that reaches into the next one of
    its key. Without an end it lasts until now; at its end it is over. -#}
{% test intervals_apart(model, key, from_column, to_column) %}

select
    {{ key }},
    from_at,
    to_at,
    next_from_at
from (
    select
        {{ key }},
        {{ from_column }} as from_at,
        {{ to_column }} as to_at,
        lead({{ from_column }}) over (partition by {{ key }} order by {{ from_column }}) as next_from_at
    from {{ model }}
) as intervals
where
    from_at is null
    or to_at <= from_at
    or to_at > next_from_at
    or (to_at is null and next_from_at is not null)

{% endtest %}
