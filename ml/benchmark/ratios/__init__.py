"""How fast ours is beside the usual way: both in one run, turn by turn, results compared."""
