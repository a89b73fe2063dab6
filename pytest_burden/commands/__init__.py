"""The commands of `burden`, a module each: its arguments, and what it does. None needs pytest."""
