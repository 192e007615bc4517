"""Erase a client from the raw tables to the releases, and keep it out."""
