"""A model and example inputs in, a `Burden` out: the only place that knows torch."""

from pytest_burden.errors import BurdenError

try:
    import torch  # noqa: F401 every module below does; here it is told in a line if none is there
except ImportError as _error:
    raise BurdenError(f"torch cannot be imported: {_error}") from _error
