"""What the command `burden github` does on GitHub Actions; it needs neither torch nor pytest.

Artifacts come from whoever opened the pull request: they are data, checked and never run.
"""
