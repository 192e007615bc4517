"""What ``cross-sell doctor`` looks at: small checks, each with what to do where it fails."""
