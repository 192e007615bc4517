"""A partner programme whose truth is known: see docs/simulator.md for the mathematics."""
