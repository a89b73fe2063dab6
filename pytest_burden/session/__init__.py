"""One run of pytest: which limits a test has, what it measured, and what the whole run says."""
