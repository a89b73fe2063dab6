"""From ``max_gflops = 5`` to a limit, and every error of a mapping in one go."""

from __future__ import annotations

import pytest

from pytest_burden.budget.limits import KEYS, Limit, read_limits
from pytest_burden.burden import METRICS


@pytest.mark.parametrize(
    ("key", "value", "metric", "maximum"),
    [
        ("max_params", "26M", "params", 26 * 10**6),
        ("max_flops", "5 GFLOPs", "flops", 5 * 10**9),
        ("max_kflops", 5, "flops", 5 * 10**3),
        ("max_mflops", 5, "flops", 5 * 10**6),
        ("max_gflops", 4.1, "flops", 4_100_000_000),
        ("max_tflops", "0.5", "flops", 5 * 10**11),
        ("max_gmacs", 2, "macs", 2 * 10**9),
        ("max_training_gflops", 2, "training_flops", 2 * 10**9),
        ("max_training_mmacs", 2, "training_macs", 2 * 10**6),
        ("max_activation_memory", "110 MiB", "activation_memory", 110 * 2**20),
        ("max_uncounted_ops", 0, "uncounted_ops", 0),
    ],
)
def test_read(key: str, value: object, metric: str, maximum: int) -> None:
    """A key names a metric, and for arithmetic a scale."""
    limits, wrong = read_limits({key: value}, lambda name: f"here: {name}")
    assert limits == (Limit(metric, maximum, f"here: {key}", f"{key}={value!r}"),)
    assert not wrong


@pytest.mark.parametrize(
    ("key", "value", "reason", "example"),
    [
        ("max_gflop", 5, "unknown key (nearest: max_gflops)", "max_gflops = 5"),
        ("max_parms", 5, "unknown key (nearest: max_params)", 'max_params = "26M"'),
        ("grow_parms", "1%", "unknown key (nearest: grow_params)", 'grow_params = "2% & 26M"'),
        ("zzz", 5, "unknown key", 'max_params = "26M"'),
        ("max_params", True, "a size is a number, not true or false", 'max_params = "26M"'),
        (
            "max_params",
            "5 MiB",
            "'MiB' is a unit of memory, this is a count: K, M, G, T",
            'max_params = "26M"',
        ),
        (
            "max_gflops",
            "5 GFLOPs",
            "a plain number belongs here, the key names the unit",
            "max_gflops = 5",
        ),
        ("max_flops", -1, "negative", 'max_flops = "5 GFLOPs"'),
    ],
)
def test_refuse(key: str, value: object, reason: str, example: str) -> None:
    """An error says why, and shows one line that works."""
    limits, (wrong,) = read_limits({key: value}, str)
    assert limits == ()
    assert (wrong.key, wrong.value) == (key, value)
    assert (wrong.reason, wrong.example) == (reason, example)


def test_all_errors_in_one_go() -> None:
    """The good limits are read, and each bad one is told."""
    written = {"max_gflop": 5, "max_params": "26M", "max_macs": None}
    limits, wrong = read_limits(written, str)
    assert [limit.metric for limit in limits] == ["params"]
    assert [error.key for error in wrong] == ["max_gflop", "max_macs"]


def test_two_limits_on_one_metric() -> None:
    """Which of the two was meant cannot be known."""
    _, (wrong,) = read_limits({"max_flops": "5G", "max_gflops": 4}, str)
    assert wrong.key == "max_gflops"
    assert wrong.reason == "a second limit on flops: keep one of the two"


def test_neighbours_of_other_keys() -> None:
    """Beside the limits of a model, ``buld`` was meant to be ``build``."""
    _, (wrong,) = read_limits({"buld": "x"}, str, ("build", "inputs"))
    assert wrong.reason == "unknown key (nearest: build)"
    assert wrong.example == ""


def test_every_metric_has_its_key() -> None:
    """What is measured can be limited, and the key of a limit is its plain form."""
    for metric in METRICS:
        assert f"max_{metric}" in KEYS
        assert Limit(metric, 1, "here").key == f"max_{metric}"
