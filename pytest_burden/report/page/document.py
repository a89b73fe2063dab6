"""The document: all that is decided stands in it as plain HTML, before any script."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from importlib import resources
from string import Template

from pytest_burden.budget import baseline
from pytest_burden.budget.result import Result
from pytest_burden.budget.run import Run
from pytest_burden.budget.units import show
from pytest_burden.burden import METRICS
from pytest_burden.report import changed
from pytest_burden.report.inert import inert_json, visible
from pytest_burden.report.message import Case, failing, told, warning
from pytest_burden.report.network import NOTHING, describe
from pytest_burden.report.page import data
from pytest_burden.report.table import share, short, table
from pytest_burden.report.terminal import OFF, notes

_SCRIPTS = ("d3.js", "dom.js", "table.js", "tree.js", "timeline.js", "sweep.js", "network.js")
"""In this order; each uses what those before it define."""
_POLICY = (
    "default-src 'none'; script-src {scripts}; style-src {styles};"
    " base-uri 'none'; form-action 'none'"
)
"""Nothing is fetched, and nothing runs but the scripts whose hashes these are."""
_COLUMNS = ("params", "flops", "activation_memory", "peak_memory", "training_memory")
_MARKS = {"fail": "✗", "warn": "!", "pass": "✓", "none": ""}
_HALF = 70
"""Characters of a line that has room in half of the page."""


def html(run: Run, versions: Mapping[str, str]) -> str:
    """Return a run as one HTML document that needs nothing beside it.

    Args:
        run: what was measured and decided.
        versions: as in `report.jsonfile`.
    """
    style = _asset("page.css")
    scripts = [_asset(name) for name in _SCRIPTS]
    policy = _POLICY.format(scripts=" ".join(map(_hash, scripts)), styles=_hash(style))
    return Template(_asset("page.html")).substitute(
        policy=policy,
        title=_text(f"burden: {run.counts()}"),
        style=style,
        body="".join(_body(run, versions)),
        data=inert_json(data.to_json(run)),
        scripts="\n".join(f"<script>{script}</script>" for script in scripts),
    )


def _asset(name: str) -> str:
    return (resources.files(__package__) / "assets" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _text(text: str) -> str:
    """Return one line as it may stand in an element or an attribute.

    It reads as it is, but is no command to GitHub's runner, which see `report.inert`.
    """
    shown = escape(visible(text)).replace("##[", "##&#91;")
    return shown.replace("::", "&#58;:", 1) if shown.lstrip().startswith("::") else shown


def _code(text: str) -> str:
    return f"<code>{_text(text)}</code>"


def _body(run: Run, versions: Mapping[str, str]) -> Iterator[str]:
    results = sorted(run.results, key=lambda result: (not result.fails, not result.warns))
    yield from _verdict(run, versions)
    yield from _told("What fails", "fail", run, failing(results, run.verdicts), _not_written(run))
    yield from _told("What warns", "warn", run, warning(results, run.verdicts))
    if results:
        yield from _measurements(run, results)
    yield from _changes(run, results)
    if said := [*notes(run, 1), *_written(run)]:
        items = "".join(f"<li>{_text(line)}</li>" for line in said)
        yield '<section aria-labelledby="notes"><h2 id="notes">Notes</h2>'
        yield f"<ul>{items}</ul></section>\n"


def _verdict(run: Run, versions: Mapping[str, str]) -> Iterator[str]:
    kind, word = (
        ("fail", "Fails")
        if run.fails
        else ("warn", "Not everything was measured")
        if run.unsure
        else ("warn", "Limits are off")
        if not run.enforced
        else ("pass", "Passes")
    )
    yield f'<header class="verdict {kind}"><h1><span class="mark">{_MARKS[kind]}</span> {word}</h1>'
    yield f'<p class="counts">{_text(run.counts())}</p>'
    said = [*([] if run.enforced else [OFF]), *run.unsure]
    yield "".join(f"<p>{_text(line)}</p>" for line in said)
    torch = dict.fromkeys(result.burden.torch for result in run.results if result.burden)
    facts = {
        "compared with": run.compared_with,
        "partial run": ", ".join(run.partial),
        "counted": describe(run.convention),
        **{name: text for name, text in versions.items() if name != "run"},
        "torch": ", ".join(filter(None, torch)),
    }
    items = (f"<div><dt>{_text(k)}</dt><dd>{_text(v)}</dd></div>" for k, v in facts.items() if v)
    yield f'<dl class="facts">{"".join(items)}</dl></header>\n'


def _not_written(run: Run) -> list[str]:
    return [run.baseline] if " not " in run.baseline else []


def _written(run: Run) -> list[str]:
    return [run.baseline] if run.baseline and not _not_written(run) else []


def _told(
    title: str, kind: str, run: Run, cases: Iterable[Case], more: Sequence[str] = ()
) -> Iterator[str]:
    """Yield a section with what there is to say of verdicts, and once each what to do."""
    blocks = list(told(cases, [result.id for result in run.results]))
    if not blocks and not more:
        return
    yield f'<section class="told {kind}" aria-labelledby="{kind}"><h2 id="{kind}">{title}'
    yield f' <span class="count">{len(blocks) + len(more)}</span></h2><div class="blocks">\n'
    for block in blocks:
        head, *rest = data.lines_of(block.lines)
        below = "\n".join(map(_text, rest))
        subject = _text(block.verdicts[0].subject)
        wide = ' class="wide"' if max(map(len, rest), default=0) > _HALF else ""
        yield f'<article data-subject="{subject}"{wide}><h3>{_text(head)}</h3>'
        yield f"<pre>{below}</pre></article>\n" if rest else "</article>\n"
    yield "".join(f"<article><h3>{_text(line)}</h3></article>" for line in more)
    yield "</div>"
    advice = dict.fromkeys(filter(None, (block.next_step for block in blocks)))
    yield "".join(f'<p class="advice">{_text(line)}</p>' for line in advice)
    yield "</section>\n"


def _measurements(run: Run, results: Sequence[Result]) -> Iterator[str]:
    """Yield the table; its script makes it sortable by the values that rows carry along."""
    places = {id(result): place for place, result in enumerate(run.results)}
    metrics = _metrics(results)
    yield '<section aria-labelledby="measurements"><h2 id="measurements">Measurements'
    yield f' <span class="count">{len(results)}</span></h2><div id="tools"></div>'
    yield '<div class="scroll" role="region" aria-labelledby="measurements" tabindex="0">'
    yield '<table id="table"><thead><tr><th scope="col">measurement</th>'
    yield '<th scope="col">verdict</th>'
    yield '<th scope="col" class="used" title="of the tightest limit, or growth">used</th>'
    for metric in metrics:
        tip = _text(f"{metric}: {METRICS[metric].meaning}")
        yield f'<th scope="col" class="number" title="{tip}">{short(metric)}</th>'
    yield "</tr></thead><tbody>\n"
    for cells, result in zip(table(run, results).rows, results, strict=True):
        kind = data.state(result)
        differs = " changed" if changed.of_result(result) else ""
        yield f'<tr data-place="{places[id(result)]}" class="{kind}{differs}">'
        yield f'<th scope="row">{_code(result.id)}</th>'
        yield f"<td>{_word(cells[-1], kind)}</td>{_used(result, cells[-2])}"
        for metric in metrics:
            value = result.burden.value(metric) if result.burden else None
            text = NOTHING if value is None else show(value, METRICS[metric].unit)
            yield f'<td class="number" data-value="{-1 if value is None else value}">{text}</td>'
        yield "</tr>\n"
    yield "</tbody></table></div></section>\n"


def _metrics(results: Sequence[Result]) -> list[str]:
    """Return the metrics that have a column: the usual ones, and what is limited."""
    burdens = [result.burden for result in results if result.burden]
    limited = {v.limit.metric for result in results for v in result.verdicts if v.limit}
    usual = {name for name in _COLUMNS if any(burden.value(name) for burden in burdens)}
    return [name for name in METRICS if name in usual or name in limited]


def _used(result: Result, text: str) -> str:
    """Return a cell with a bar; a limit that is exceeded has a mark where it ends."""
    full = share(result)
    if full is None:
        return f'<td class="used" data-value="-1">{_text(text)}</td>'
    # All of the bar is the limit, or what is over it.
    width = round(float(100 * (1 / full if full > 1 else full)), 1)
    over = f'<rect class="over" x="{width}" width="{100 - width:.1f}" height="4"/>'
    bar = f'<rect width="{width}" height="4"/>{over if full > 1 else ""}'
    return (
        f'<td class="used" data-value="{float(full)}">{_text(text)}<svg viewBox="0 0 100 4"'
        f' preserveAspectRatio="none" aria-hidden="true">{bar}</svg></td>'
    )


def _word(word: str, kind: str) -> str:
    return (
        f'<span class="word {kind}"><span class="mark">{_MARKS[kind]}</span> {_text(word)}</span>'
    )


def _changes(run: Run, results: Sequence[Result]) -> Iterator[str]:
    """Yield base against head: each metric that differs, and the modules that did it."""
    differing = (*map(changed.of_result, results), *map(changed.of_stale, run.verdicts))
    known = [each for each in differing if each]
    if not known:
        return
    since = _code(run.compared_with or baseline.FILE)
    yield '<section aria-labelledby="changes"><h2 id="changes">Changed since '
    yield f'{since} <span class="count">{len(known)}</span></h2>\n'
    for each in known:
        name = changed.title(each.id, each.was)
        word = f' <span class="aside">{_text(each.word)}</span>' if each.word else ""
        yield f'<article data-subject="{_text(each.id)}"><h3>{_text(name)}{word}</h3>'
        if each.rows:
            yield '<div class="scroll" role="region" tabindex="0" aria-label="metrics"><table>'
            yield f"<thead><tr>{''.join(_heads())}</tr></thead><tbody>"
            yield "".join(f"<tr>{''.join(_cells(row))}</tr>" for row in each.rows)
            yield "</tbody></table></div>"
        lines = [*changed.modules(each.changes, [row[0] for row in each.rows]), *each.details]
        below = "\n".join(map(_text, data.lines_of(lines)))
        yield f"<pre>{below}</pre></article>\n" if lines else "</article>\n"
    yield "</section>\n"


_NUMBERS = range(1, 4)
"""Before, after, difference."""


def _heads() -> Iterator[str]:
    for at, name in enumerate(changed.HEADERS):
        yield f'<th scope="col"{_align(at)}>{name}</th>'


def _cells(row: Sequence[str]) -> Iterator[str]:
    for at, cell in enumerate(row):
        yield f"<td{_align(at)}>{_text(cell)}</td>"


def _align(at: int) -> str:
    return ' class="number"' if at in _NUMBERS else ""
