{#- The gate: the only way by which sales lines reach a fold's interactions and features.
    tests/learning/assert_history_passes_the_gates.sql holds everybody to it. -#}
{{ aged_events(ref('int_interactions_indexed'), {
    'client_idx': 'events.client_idx',
    'service_idx': 'events.service_idx',
    'event_kind': 'events.event_kind',
    'is_refund': "events.event_kind = 'refund'",
    'net_quantity': net_quantity('events'),
    'net_amount': net_amount('events'),
    'occurred_at': 'events.occurred_at',
    'day_at': start_of_day('events.occurred_at'),
    'quarter_number': 'cast(extract(quarter from events.occurred_at) as int)',
}) }}
