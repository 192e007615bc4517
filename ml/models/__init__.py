"""Recommenders behind one protocol; none of them knows the warehouse."""
