"""Ratios against other libraries, each measured side by side in one run."""
