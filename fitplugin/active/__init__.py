"""Ask, oracle, tell: which points to simulate next, in rounds that survive days and restarts."""
