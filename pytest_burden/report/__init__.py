"""Verdicts and burdens in, text out: pure functions that know neither torch nor pytest."""
