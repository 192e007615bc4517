{#- A warning, not an error: the offers still hold their contract, the models only learned from
    another world than the one they now score. What to do stands in each row. -#}
{{ config(severity='warn') }}
select
    scope,
    subject,
    measure,
    value,
    threshold,
    'the inputs have changed: run make refresh' as what_to_do
from {{ ref('model_health') }}
where
    kind = 'input'
    and is_alarm
