"""Cross-sell inside the warehouse: the learning side."""
