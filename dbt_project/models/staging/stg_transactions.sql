{{ newest_transactions(source('raw', 'transactions')) }}
