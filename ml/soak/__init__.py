"""Long trials: kill the jobs at random, and read while they publish."""
