"""A model and example inputs in, a `Burden` out: the only place that knows torch."""
