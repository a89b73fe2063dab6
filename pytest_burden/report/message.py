"""The sentences of a verdict: what, the two numbers, where each came from, the next step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import dedent, indent

from pytest_burden.budget.limits import Limit
from pytest_burden.budget.result import Result
from pytest_burden.budget.units import show, show_excess, show_percent
from pytest_burden.budget.verdict import Kind, Verdict, uncounted
from pytest_burden.burden import METRICS, TRAINING, Burden, HeldTensor, ModuleRow
from pytest_burden.errors import suggest

_HEAVIEST = 3
_FIGURE = {
    "params": "params",
    "trainable_params": "params",
    "param_memory": "params",
    "model_memory": "params",
    "macs": "macs",
    "flops": "flops",
    "activation_memory": "activation_memory",
    "training_macs": "training_macs",
    "training_flops": "training_flops",
}
"""The figure broken down by module that stands behind a metric."""

_ACCEPT_BOUNDS = 'Accept lower bounds with [tool.burden.policy] incomplete = "warn".'
_LIGHTER = "Make it lighter, or raise the limit where it stands."

Lines = list[str]


def violations(results: Iterable[Result], test: str = "") -> str:
    """Return one message with every verdict of these results that turns the run red.

    With ``test``, it is shown below that test's name: the id of the test is not repeated.
    """
    verdicts = (
        (verdict, result.burden)
        for result in results
        for verdict in result.verdicts
        if verdict.fails
    )
    return sentences(verdicts, test=test)


def warnings(results: Iterable[Result]) -> str:
    """Return one message with every verdict of these results that only warns."""
    return sentences(
        (verdict, result.burden)
        for result in results
        for verdict in result.verdicts
        if verdict.warns
    )


def sentences(
    verdicts: Iterable[tuple[Verdict, Burden | None]],
    known_ids: Sequence[str] = (),
    test: str = "",
) -> str:
    """Return a block for each verdict, and once after those of one kind what to do about them.

    Args:
        verdicts: each with the burden it was made of, if any.
        known_ids: what was measured, for the nearest id of a budget that matches none.
        test: the test below whose name this is shown; its id is left out.
    """
    blocks: list[Lines] = []
    advice: dict[str, None] = {}
    for verdict, burden in verdicts:
        subject = verdict.subject.removeprefix(test)
        block, next_step = _block(subject, verdict, burden, known_ids)
        blocks.append(block)
        advice[next_step] = None
    return "\n".join([*(line for block in blocks for line in block), *filter(None, advice)])


def _block(
    subject: str, verdict: Verdict, burden: Burden | None, known_ids: Sequence[str]
) -> tuple[Lines, str]:
    """Return the lines of one verdict, and the next step."""
    if verdict.limit is None:
        return _without_limit(subject, verdict, known_ids)
    if burden is None or verdict.measured is None:
        return _unsupported(subject, verdict.limit, verdict.detail)
    if verdict.kind is Kind.INCOMPLETE:
        return _incomplete(subject, verdict.limit, verdict.measured, burden)
    return _over(subject, verdict.limit, verdict.measured, burden)


def _headline(subject: str, says: str) -> str:
    """Return the first line, which is also all that pytest's short summary has room for."""
    return f"{subject} {says}" if subject else says.removeprefix("is ")


def _over(subject: str, limit: Limit, measured: int, burden: Burden) -> tuple[Lines, str]:
    texts = show_excess(measured, limit.maximum, METRICS[limit.metric].unit)
    share = f" ({show_percent(measured - limit.maximum, limit.maximum)})" if limit.maximum else ""
    rows = [
        ("measured", texts[0], _how(burden, limit.metric)),
        ("limit", texts[1], limit.where),
        *_largest(limit.metric, burden),
    ]
    headline = _headline(subject, f"is over {limit.key} by {texts[2]}{share}")
    next_step = _rule_or_gap(burden) if limit.metric == "uncounted_ops" else _LIGHTER
    return [headline, *_columns(rows)], next_step


def _incomplete(subject: str, limit: Limit, measured: int, burden: Burden) -> tuple[Lines, str]:
    unit = METRICS[limit.metric].unit
    rows = [
        ("measured", f"at least {show(measured, unit)}", _how(burden, limit.metric)),
        ("limit", show(limit.maximum, unit), limit.where),
    ]
    headline = _headline(subject, f"may be over {limit.key}: not all is counted")
    if why := burden.lower_bounds.get(limit.metric):
        return [headline, *_columns(rows), f"    {why}"], _ACCEPT_BOUNDS
    rows.append(("uncounted", _calls(burden.uncounted_ops), uncounted(burden)))
    return [headline, *_columns(rows)], _rule_or_gap(burden)


def _rule_or_gap(burden: Burden) -> str:
    return (
        "Register a rule for each operator with pytest_burden.rule, or accept the gap with"
        f" max_uncounted_ops={burden.uncounted_ops}."
    )


def _unsupported(subject: str, limit: Limit, why_not: str) -> tuple[Lines, str]:
    training = limit.metric in TRAINING
    why = "was not measured" if training else "cannot be measured here"
    lines = [
        _headline(subject, f"has a limit on {limit.metric}, which {why}"),
        *_columns([("limit", show(limit.maximum, METRICS[limit.metric].unit), limit.where)]),
        *_indented(why_not),
    ]
    if training:
        return lines, 'Measure a training step too, with training="Adam" or what else trains it.'
    if limit.metric == "cuda_memory":
        return lines, (
            "Run it where there is a GPU, or accept that there is none with"
            ' [tool.burden.policy] unsupported = "warn".'
        )
    return lines, "Remove the limit, or limit a metric that is measured."


def _without_limit(subject: str, verdict: Verdict, known_ids: Sequence[str]) -> tuple[Lines, str]:
    if verdict.kind is Kind.UNMATCHED:
        near = suggest(verdict.detail, known_ids)
        says = [f"no measurement matches {verdict.detail!r}{near}", f"    {subject}"]
        return says, "Correct the pattern, or remove the budget."
    if verdict.kind is Kind.UNMEASURED:
        return [_headline(subject, "measured nothing"), *_indented(verdict.detail)], ""
    if verdict.kind is Kind.INCOMPLETE:
        return [_headline(subject, "could not be measured"), *_indented(verdict.detail)], ""
    what, _, more = verdict.detail.partition("\n")
    return [f"{subject}: {what}" if subject else what, *_indented(more)], ""


def _indented(text: str) -> Lines:
    return indent(dedent(text), "    ").splitlines()


def _calls(number: int) -> str:
    return "1 call" if number == 1 else f"{number} calls"


def _how(burden: Burden, metric: str) -> str:
    run = f"training step ({burden.training})" if metric in TRAINING else "forward"
    if metric == "cuda_memory" and burden.cuda:
        predicted = show(burden.cuda.predicted, "bytes")
        run = f"on {burden.cuda.device}, {predicted} predicted"
    return ", ".join([run, *burden.inputs])


def _largest(metric: str, burden: Burden) -> list[tuple[str, str, str]]:
    """Return the modules (or operators) that weigh most, without what is below them."""
    if metric in ("ops", "uncounted_ops"):
        ops = [row for row in burden.op_rows if metric == "ops" or row.state == "uncounted"]
        ranked = sorted(ops, key=lambda row: -row.calls)[:_HEAVIEST]
        return [_first(n, row.op, _calls(row.calls)) for n, row in enumerate(ranked)]
    if peak := burden.peak(metric):
        return [
            _first(number, *_tensor(held, peak.nbytes))
            for number, held in enumerate(peak.tensors[:_HEAVIEST])
        ]
    figure = _FIGURE.get(metric)
    if figure is None:
        return []
    unit = METRICS[figure].unit
    total = getattr(burden, figure)
    heavy = [row for row in burden.module_rows if getattr(row.own, figure)]
    heavy.sort(key=lambda row: -getattr(row.own, figure))
    lines = []
    for number, row in enumerate(heavy[:_HEAVIEST]):
        value = getattr(row.own, figure)
        name = "" if unit or figure == metric else f" {figure}"
        text = f"{show(value, unit)}{name} ({show_percent(value, total)})"
        lines.append(_first(number, module_name(row), text))
    return lines


def _tensor(held: HeldTensor, whole: int) -> tuple[str, str]:
    """Return what to call a tensor at a peak, and what there is to say of it."""
    parts = [f"{show(held.nbytes, 'bytes')} ({show_percent(held.nbytes, whole)})"]
    made = held.category in ("activations", "temporaries")
    if made:
        parts.append(f"{held.category} of {held.name}")
    elif held.name != "input":
        parts.append(held.category)
    if held.shape:
        parts.append(held.shape)
    return (held.module or "(root)") if made else held.name, ", ".join(parts)


def module_name(row: ModuleRow) -> str:
    """Return a module's path, or for the root its class in brackets."""
    return row.path or f"({row.cls})"


def _first(number: int, name: str, text: str) -> tuple[str, str, str]:
    return ("" if number else "largest", name, text)


def _columns(rows: Sequence[tuple[str, str, str]]) -> Lines:
    """Return the rows as lines, the first two columns aligned."""
    first, second = (max(len(row[column]) for row in rows) for column in (0, 1))
    return [f"    {a:{first}}  {b:{second}}   {c}".rstrip() for a, b, c in rows]
