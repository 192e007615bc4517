"""Keep the offers right as data arrive: load, measure, decide, train, publish."""
