{{ one_row_per_fold(
    ref('int_interactions_by_fold'),
    ['client_idx', 'service_idx'],
    [
        'weight', 'purchase_count', 'amount', 'first_purchased_at', 'last_purchased_at', 'known_at',
    ],
) }}
