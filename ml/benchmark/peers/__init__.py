"""Other libraries on the same splits and under the same metrics, in their own environment."""
