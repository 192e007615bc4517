{{ one_row_per_fold(
    ref('int_interests_by_fold'),
    ['client_idx', 'service_idx'],
    ['weight', 'event_count', 'cart_count', 'known_at'],
) }}
