"""``burden fit``: the largest batch, length or resolution that fits into a memory."""

from __future__ import annotations

import argparse
import json
import re
import sys
from contextlib import redirect_stdout

from pytest_burden.budget.units import parse_size
from pytest_burden.commands.network import add_conventions, add_network, add_runs, given
from pytest_burden.commands.output import say
from pytest_burden.errors import BurdenError, quoted
from pytest_burden.report.fit import text, to_dict
from pytest_burden.report.inert import inert_json
from pytest_burden.report.progress import progress
from pytest_burden.sizes import LARGEST, TOO_LARGE
from pytest_burden.sweeps import Fit

_SYMBOL = "--vary is a symbol, as B, B=8 or S=224::32"
_VARY = re.compile(r"(?P<symbol>[A-Za-z_]\w*)(?:=(?P<first>[0-9]+)(?:::(?P<step>[0-9]+))?)?")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "fit",
        help="the largest batch, length or resolution that fits into a memory",
        description="Find the largest size of a symbol in the inputs at which a network, its"
        " parameters and buffers included, stays within a memory: in a forward, or with --training"
        " in a training step. Nothing is allocated.",
        epilog="example: burden fit shop.models:vit --input 'float32[B, 3, 224, 224]' --vary B"
        " --memory '24 GiB' --training AdamW --target cuda",
    )
    add_network(parser)
    parser.add_argument(
        "--vary",
        required=True,
        metavar="SYMBOL[=FIRST[::STEP]]",
        help="the symbol, its smallest size and the step between sizes: B, or S=224::32",
    )
    parser.add_argument("--memory", required=True, metavar="SIZE", help="such as '24 GiB'")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    add_runs(parser)
    add_conventions(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Search and print.

    Raises:
        BurdenError: something in the call is wrong, nothing fits, or everything does.
        Exception: what the user's code raised.
    """
    match = _VARY.fullmatch(arguments.vary)
    first, step = (_size(match[name] or "1") if match else 0 for name in ("first", "step"))
    if match is None or not (first and step):
        raise BurdenError(f"{_SYMBOL}: {quoted(arguments.vary)}")
    if max(first, step) > LARGEST:
        raise BurdenError(f"{_SYMBOL}, its sizes {TOO_LARGE}: {quoted(arguments.vary)}")
    memory = parse_size(arguments.memory, "bytes")
    # What the user's code prints must not end up in the text or the JSON.
    with redirect_stdout(sys.stderr), progress(f"fitting {arguments.network}", sys.stderr):
        found = _fit(arguments, match["symbol"], memory, (first, step))
    if arguments.json:
        data = to_dict(found, arguments.network)
        say(inert_json(json.dumps(data, indent=1, ensure_ascii=False)))
    else:
        say(text(found, arguments.network))
    return 0


def _size(digits: str) -> int:
    """Return a size; one too large where there are more digits than Python may read."""
    return int(digits) if len(digits) <= len(str(LARGEST)) else LARGEST + 1


def _fit(arguments: argparse.Namespace, symbol: str, memory: int, steps: tuple[int, int]) -> Fit:
    # Imported here: the engine brings torch, which `burden --help` can do without.
    from pytest_burden.engine.fit import fit  # noqa: PLC0415

    first, step = steps
    network = given(arguments)
    return fit(
        network.target,
        network.inputs,
        network.kwargs,
        vary=symbol,
        memory=memory,
        first=first,
        step=step,
        sizes=network.sizes,
        **network.options,
    )
