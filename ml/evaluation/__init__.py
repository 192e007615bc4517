"""How good a ranking is, how sure of it we are, and how likely an offer is to be taken.

Numpy and scipy only: a model is a function that scores clients.
"""
