"""A run as one HTML page: whole without a script and without the network, and alive with one."""

from pytest_burden.report.page.document import html

__all__ = ["html"]
