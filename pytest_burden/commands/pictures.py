"""``--format svg`` and ``png``: what is drawn of what was measured, and where it goes."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from pytest_burden.budget import baseline
from pytest_burden.budget.difference import compare
from pytest_burden.budget.ids import Glob
from pytest_burden.budget.result import Result
from pytest_burden.budget.run import Run
from pytest_burden.budget.verdict import DEFAULTS
from pytest_burden.burden import Burden
from pytest_burden.commands.diff import cannot, read_side, side_of
from pytest_burden.commands.output import read_text, say, write, writing
from pytest_burden.errors import BurdenError, suggest
from pytest_burden.report import pictures
from pytest_burden.report.inert import visible
from pytest_burden.report.jsonfile import RENEW
from pytest_burden.report.pictures.sides import of_difference, of_result
from pytest_burden.report.readings import read
from pytest_burden.report.table import shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS: tuple[str, ...] = get_args(pictures.Format)
PICTURES = ("profile", "cumulative", "timeline", "sweep", "versus")
_UNSAFE = re.compile(r"[^A-Za-z0-9._=+-]+")
_LONGEST = 120
_HEAD = 100
_NAMED = 3


def add(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say what is drawn."""
    group = parser.add_argument_group(
        "pictures", "with --format svg or png; they need pip install 'pytest-burden[plot]'"
    )
    group.add_argument(
        "--picture",
        choices=PICTURES,
        help="over depth: profile (the default) or cumulative; timeline: of memory; sweep: over"
        " sizes; versus: beside the baseline, or --against",
    )
    group.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="ID",
        help="the measurements of this id or glob alone",
    )
    group.add_argument(
        "--against",
        type=Path,
        metavar="BASE",
        help="results or a baseline to compare with, for --picture versus",
    )


def refuse(arguments: argparse.Namespace) -> None:
    """Refuse the arguments of `add` where no picture is asked for.

    Raises:
        BurdenError: one of them is given.
    """
    for option in ("picture", "only", "against"):
        if getattr(arguments, option):
            raise BurdenError(f"--{option} belongs to pictures: --format svg or --format png")


def run(arguments: argparse.Namespace) -> int:
    """Draw; return whether the run that is drawn was over its budgets.

    Raises:
        BurdenError: there is nothing to draw, or no place for it.
    """
    file, form, output = arguments.file, arguments.format, arguments.output
    check(form, output)
    reading = read(read_text(file), str(file))
    picture = arguments.picture or ("sweep" if reading.kind == "sweep" else "")
    picture = picture or ("versus" if arguments.against else "profile")
    if arguments.against and picture != "versus":
        raise BurdenError("--against belongs to --picture versus")
    chosen = _chosen(reading.run.results, arguments.only, str(file))
    draw = _against(arguments.against, reading.run, file) if arguments.against else _DRAW[picture]
    if not _is_folder(output):
        if len(chosen) > 1:
            raise BurdenError(
                f"{len(chosen)} measurements are several pictures: --output FOLDER for all of them,"
                f" or --only {chosen[0].id!r}"
            )
        write_one(_drawn(draw, chosen[0]), form, output)
    else:
        _write_all(chosen, draw, arguments, picture)
    return int(reading.run.verdict == "fail")


def check(form: str, output: Path | None) -> None:
    """Refuse before anything is measured or drawn what could not be written.

    Raises:
        BurdenError: a file of another format, PNG on a terminal, or there is no matplotlib.
    """
    if output is None and form == "png" and sys.stdout.isatty():
        raise BurdenError("a PNG is nothing for a terminal: --output FILE.png")
    suffix = output.suffix.lower().lstrip(".") if output else ""
    if suffix in FORMATS and suffix != form:
        raise BurdenError(f"{output} is to be {suffix.upper()}: --format {suffix}")
    from pytest_burden.report.pictures import style  # noqa: F401, PLC0415 raises without it


def write_one(figure: Figure, form: str, output: Path | None) -> None:
    """Write one picture to a file, or to standard output.

    Raises:
        BurdenError: it cannot be written.
    """
    content = pictures.to_bytes(figure, "png" if form == "png" else "svg")
    if output is None:
        with writing(sys.stdout):
            sys.stdout.flush()
            sys.stdout.buffer.write(content)
    else:
        write(output, content)


def _is_folder(output: Path | None) -> bool:
    """Return whether a place is for several files: by its name, so that it is none by chance."""
    if output is None or output.suffix.lower().lstrip(".") in FORMATS:
        return bool(output and output.is_dir())
    return not output.exists() or output.is_dir()


def _chosen(results: Sequence[Result], only: Sequence[str], file: str) -> list[Result]:
    ids = [result.id for result in results]
    if not ids:
        raise BurdenError(f"{file}: nothing was measured")
    for pattern in only:
        if not any(map(Glob(pattern).matches, ids)):
            near = suggest(pattern, ids) or f", among them {', '.join(ids[:_NAMED])}"
            raise BurdenError(f"--only {pattern!r} is none of {len(ids)} measurements{near}")
    globs = list(map(Glob, only))
    return [each for each in results if not globs or any(glob.matches(each.id) for glob in globs)]


_Draw = Callable[[Result], "Figure"]


def _of_burden(draw: Callable[[Burden, str], Figure]) -> _Draw:
    def drawn(result: Result) -> Figure:
        if result.burden is None:
            said = result.worst.detail if result.worst else ""
            raise BurdenError(f"it was not measured{f': {said}' if said else ''}")
        return draw(result.burden, result.id)

    return drawn


def _sweep(result: Result) -> Figure:
    if result.sweep is None:
        raise BurdenError("it was measured at one size: burden sweep --format json writes several")
    return pictures.sweep(result.sweep, result.id)


def _versus(result: Result) -> Figure:
    sides = of_result(result)
    if sides is None:
        raise BurdenError(
            f"nothing of it was compared: --against BASE, or a baseline by {baseline.RENEW}"
        )
    return pictures.versus(sides, result.id)


_DRAW: Mapping[str, _Draw] = {
    "profile": _of_burden(pictures.profile),
    "cumulative": _of_burden(pictures.cumulative),
    "timeline": _of_burden(pictures.timeline),
    "sweep": _sweep,
    "versus": _versus,
}


def _against(base: Path, run: Run, file: Path) -> _Draw:
    """Return what draws a measurement beside the same one in another file.

    Raises:
        BurdenError: that cannot be read, or was counted differently.
    """
    text = read_text(base)
    if _is_baseline(text):
        before = read_side(str(base))
    else:
        before = side_of(str(base), read(text, str(base)).run, RENEW)
    found = compare(before, side_of(str(file), run, RENEW), lambda _: (), DEFAULTS)
    if found.unlike:
        raise BurdenError(" ".join(cannot(found).split()))
    by_id = {difference.id: difference for difference in found.differences}

    def drawn(result: Result) -> Figure:
        difference = by_id.get(result.id)
        sides = of_difference(difference, str(base), str(file)) if difference else None
        if sides is None:
            raise BurdenError(f"there is none of that name in {base}")
        return pictures.versus(sides, result.id)

    return drawn


def _is_baseline(text: str) -> bool:
    return '"burden-baseline"' in text[:_HEAD]


def _drawn(draw: _Draw, result: Result) -> Figure:
    try:
        return draw(result)
    except BurdenError as error:
        raise BurdenError(f"{_called(result)}: {' '.join(str(error).split())}") from error


def _called(result: Result) -> str:
    return visible(" ".join(result.id.split()))


def _write_all(
    chosen: Sequence[Result], draw: _Draw, arguments: argparse.Namespace, picture: str
) -> None:
    """Write a file for each measurement that there is such a picture of, and name it.

    Raises:
        BurdenError: there is none of any, or they cannot be written.
    """
    folder: Path = arguments.output
    missing: list[BurdenError] = []
    taken: set[str] = set()
    for result in chosen:
        try:
            figure = _drawn(draw, result)
        except BurdenError as error:
            missing.append(error)
            continue
        path = folder / f"{_file_name(result.id, taken)}.{picture}.{arguments.format}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BurdenError(f"{folder} cannot be made: {error.strerror}") from error
        write_one(figure, arguments.format, path)
        say(str(path))
    if len(missing) == len(chosen):
        more = f" (and {len(missing) - 1} more)" if missing[1:] else ""
        raise BurdenError(f"{missing[0]}{more}")
    for each in missing:
        say(f"burden: no picture of {each}", file=sys.stderr)


def _file_name(name: str, taken: set[str]) -> str:
    """Return a name that is one on every system, and none of those taken before."""
    safe = _UNSAFE.sub("-", name).strip("-.") or "measurement"
    safe = shortened(safe, _LONGEST)
    unique, number = safe, 1
    while unique.casefold() in taken:
        number += 1
        unique = f"{safe}-{number}"
    taken.add(unique.casefold())
    return unique
