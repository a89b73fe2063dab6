"""Burdens and limits in, verdicts out: pure functions that know neither torch nor pytest."""
