"""Bring partners' files in: from a landing folder onto the raw contract."""
