"""The arguments of commands that measure one network: which, at what inputs, and how."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import Any

from pytest_burden.burden import METRICS, Convention
from pytest_burden.errors import BurdenError, suggest


def add_network(parser: argparse.ArgumentParser) -> None:
    """Add the network and its inputs."""
    parser.add_argument(
        "network", metavar="MODULE:FACTORY", help="a callable without arguments, or a built network"
    )
    parser.add_argument(
        "--input",
        dest="inputs",
        action="append",
        default=[],
        metavar="SPEC",
        help="a positional input, such as 'float32[1, 3, 224, 224]', 1x3x224x224 or "
        "'int64[2, 128] = 0'; once for each",
    )
    parser.add_argument(
        "--kwarg",
        dest="kwargs",
        action="append",
        default=[],
        type=_kwarg,
        metavar="NAME=VALUE",
        help="a keyword input: a spec with brackets, true, false, null, a number, or a text",
    )


def add_runs(parser: argparse.ArgumentParser) -> None:
    """Add what is run."""
    parser.add_argument(
        "--training",
        metavar="OPTIMIZER",
        help="measure a training step too: an optimizer of torch.optim, such as Adam",
    )
    parser.add_argument(
        "--real",
        choices=("auto", "never"),
        default="auto",
        help="whether a network that needs data may be run once for real (auto)",
    )


def add_conventions(parser: argparse.ArgumentParser) -> None:
    """Add how arithmetic and bytes are counted."""
    parser.add_argument(
        "--fma", type=int, choices=(1, 2), default=1, help="operations in a multiply-add (1)"
    )
    parser.add_argument(
        "--datum-bytes",
        type=_positive,
        metavar="N",
        help="bytes of one activation element, whatever its dtype (its own)",
    )
    parser.add_argument(
        "--transcendental",
        type=_whole,
        default=0,
        metavar="N",
        help="operations in one exp, log, sqrt, tanh and the like (0)",
    )
    parser.add_argument(
        "--target",
        choices=("cpu", "cuda"),
        default="cpu",
        help="cuda: memory in the blocks of its allocator, optimizers with foreach (cpu)",
    )


def metrics(text: str) -> tuple[str, ...]:
    """Return the names of metrics in a list with commas."""
    names = tuple(filter(None, (name.strip() for name in text.split(","))))
    for name in names:
        if name not in METRICS:
            near = suggest(name, METRICS) or f", one of {', '.join(METRICS)}"
            raise argparse.ArgumentTypeError(f"unknown metric {name!r}{near}")
    return names


def network(arguments: argparse.Namespace) -> tuple[Any, tuple[str, ...], dict[str, Any]]:
    """Import the network, from the current folder too, and return it with its inputs.

    Raises:
        BurdenError: it cannot be imported, or an input is given twice.
    """
    # Imported here: the engine brings torch, which `burden --help` can do without.
    from pytest_burden.engine.build import import_target  # noqa: PLC0415

    keywords: dict[str, Any] = {}
    for name, value in arguments.kwargs:
        if name in keywords:
            raise BurdenError(f"--kwarg {name} is given twice")
        keywords[name] = value
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 as `python -m` has it
    return import_target(arguments.network), tuple(arguments.inputs), keywords


def options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what else is given to `pytest_burden.measure`."""
    convention = Convention(
        fma=arguments.fma,
        datum_bytes=arguments.datum_bytes,
        transcendental=arguments.transcendental,
        target=arguments.target,
    )
    return {"training": arguments.training, "convention": convention, "real": arguments.real}


def _kwarg(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise argparse.ArgumentTypeError(f"not of the form NAME=VALUE: {text!r}")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"not a whole number: {text!r}")
    return int(text)


def _positive(text: str) -> int:
    if number := _whole(text):
        return number
    raise argparse.ArgumentTypeError(f"not above zero: {text!r}")
