"""Bring raw partner tables in: each source maps what it knows onto the raw contract."""
