"""The arguments of commands that measure one network: which, at what inputs, and how."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pytest_burden.budget.config import FILE, Config, Model
from pytest_burden.budget.reading import END_OF_INTEGERS
from pytest_burden.burden import METRICS
from pytest_burden.commands.project import configuration, import_folders, root
from pytest_burden.errors import BurdenError, quoted, suggest
from pytest_burden.sizes import symbols


def add_network(parser: argparse.ArgumentParser) -> None:
    """Add the network and its inputs."""
    parser.add_argument(
        "network",
        metavar="MODULE:FACTORY",
        help="a callable without arguments, or a built network; or the name of a model in"
        " pyproject.toml, with its inputs, its training and the conventions there",
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
        help="a keyword input: a spec, true, false, null, a number, or else a text",
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
        help="whether a network that needs data may be run once for real (auto)",
    )


def add_conventions(parser: argparse.ArgumentParser) -> None:
    """Add how arithmetic and bytes are counted."""
    parser.add_argument("--fma", type=int, choices=(1, 2), help="operations in a multiply-add (1)")
    parser.add_argument(
        "--datum-bytes",
        type=_positive,
        metavar="N",
        help="bytes of one activation element, whatever its dtype (its own)",
    )
    parser.add_argument(
        "--transcendental",
        type=_whole,
        metavar="N",
        help="operations in one exp, log, sqrt, tanh and the like (0)",
    )
    parser.add_argument(
        "--target",
        choices=("cpu", "cuda"),
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


@dataclass(frozen=True, slots=True)
class Given:
    """What the arguments name: the network, and how it is measured."""

    target: Any
    inputs: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    options: Mapping[str, Any]
    """Of `pytest_burden.measure`."""
    model: Model | None = None
    """The model of pyproject.toml, if it is one."""

    @property
    def sizes(self) -> dict[str, int]:
        """The sizes of symbols at which a model is measured."""
        if self.model is None:
            return {}
        smallest = {symbol: sizes[0] for symbol, sizes in self.model.vary.items()}
        # Other inputs than the model's need not have its symbols.
        lost = {*symbols((self.model.inputs, dict(self.model.kwargs)))}
        lost -= {*symbols((self.inputs, dict(self.kwargs)))}
        sizes = {**smallest, **self.model.sizes}
        return {name: size for name, size in sizes.items() if name not in lost}


def given(arguments: argparse.Namespace) -> Given:
    """Import the network, also from here and where pytest finds it, and return it.

    Raises:
        BurdenError: it cannot be imported, there is no such model, or an input is given twice.
    """
    # Imported here: the engine brings torch, which `burden --help` can do without.
    from pytest_burden.engine.build import import_target  # noqa: PLC0415

    keywords: dict[str, Any] = {}
    for name, value in arguments.kwargs:
        if name in keywords:
            raise BurdenError(f"--kwarg {name} is given twice")
        keywords[name] = value
    inputs, training = tuple(arguments.inputs), arguments.training
    folder = root()
    # As `python -m pytest` has it.
    sys.path[:0] = [*import_folders(folder), os.getcwd()]  # noqa: PTH109
    if ":" in arguments.network:
        options = _options(arguments, Config(), training)
        return Given(import_target(arguments.network), inputs, keywords, options)
    config = configuration(folder)
    model = _model(arguments.network, config)
    sys.path.append(str(folder))
    return Given(
        target=import_target(model.build),
        inputs=inputs or model.inputs,
        kwargs={**model.kwargs, **keywords},
        options=_options(arguments, config, training or model.training),
        model=model,
    )


def _model(name: str, config: Config) -> Model:
    known = {model.name: model for model in config.models}
    if name in known:
        return known[name]
    near = suggest(name, known)
    raise BurdenError(f"{name!r} is neither MODULE:FACTORY nor the name of a model in {FILE}{near}")


def _options(arguments: argparse.Namespace, config: Config, training: object) -> Mapping[str, Any]:
    said = {
        "fma": arguments.fma,
        "datum_bytes": arguments.datum_bytes,
        "transcendental": arguments.transcendental,
        "target": arguments.target,
    }
    convention = replace(config.convention, **{k: v for k, v in said.items() if v is not None})
    real = arguments.real or config.real
    return {"training": training, "convention": convention, "real": real}


def _kwarg(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise argparse.ArgumentTypeError(f"not of the form NAME=VALUE: {quoted(text)}")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
    except RecursionError as error:
        told = f"lists that are nested too deeply: {quoted(text)}"
        raise argparse.ArgumentTypeError(told) from error


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"not a whole number: {quoted(text)}")
    number = int(text) if len(text) <= len(str(END_OF_INTEGERS)) else END_OF_INTEGERS
    if number >= END_OF_INTEGERS:
        raise argparse.ArgumentTypeError(f"not below 2^63: {quoted(text)}")
    return number


def _positive(text: str) -> int:
    if number := _whole(text):
        return number
    raise argparse.ArgumentTypeError(f"not above zero: {text!r}")
