"""Operators that compute nothing, and every name that has a rule."""

from __future__ import annotations

import inspect

import pytest
import torch

from pytest_burden.engine.rules import Cost, find, registry
from tests.rules.table import call, recorded, spec

FREE = (
    "clone copy _to_copy cat stack repeat roll flip pixel_shuffle constant_pad_nd tril im2col "
    "reflection_pad2d embedding gather index index_select index_copy masked_scatter nonzero sort "
    "topk searchsorted zeros full_like fill arange randn bernoulli multinomial complex resize "
    "_unsafe_view unsafe_split slice_scatter equal _local_scalar_dense unique_dim "
    "select_backward slice_backward diagonal_backward masked_scatter_backward"
)


@pytest.mark.parametrize("name", FREE.split())
def test_free(name: str) -> None:
    """Made, moved, chosen or read, nothing is computed; each has its reason."""
    op = call(f"aten.{name}", spec(3, 4), self=spec(3, 4))
    found = find(op)
    assert found.state == "free"
    assert found.because
    assert found.cost(op) == Cost()


LINALG = "_linalg_svd linalg_qr _linalg_eigh linalg_cholesky_ex _linalg_solve_ex linalg_lstsq"


@pytest.mark.parametrize("name", LINALG.split())
def test_factorisations_are_named(name: str) -> None:
    """Dense linear algebra has no count that is the same with every library."""
    found = find(call(f"aten.{name}", spec(3, 3), A=spec(3, 3)))
    assert found.state == "uncounted"
    assert found.because


def test_views_are_free_by_nature() -> None:
    """A view needs no rule: torch's schema says what it is."""
    x = torch.ones(4, 6)
    views = recorded(lambda: x.view(24).unsqueeze(0).expand(3, 24).t().narrow(0, 1, 2).unbind(1))
    assert [op.view for op in views] == [True] * len(views)
    assert {find(op).state for op in views} == {"free"}


NOT_IN_TORCH = {"tag", "torch", "torchvision", "torch_attn", "torch_nn", "quantized_decomposed"}
"""Our own two namespaces, and those that something else registers when it is imported."""


def test_every_rule_has_an_operator() -> None:
    """No rule is misspelt: torch knows each name, as it is or in place."""
    unknown = []
    for name in registry._RULES:
        namespace, operator = name.split(".")
        operators = getattr(torch.ops, namespace)
        if namespace not in NOT_IN_TORCH and not any(
            hasattr(operators, spelling) for spelling in (operator, f"{operator}_")
        ):
            unknown.append(name)
    assert unknown == []


def test_every_rule_asks_for_what_its_operator_has() -> None:
    """No argument is misspelt, also of an operator that no test here can run."""
    wrong = []
    for name, found in registry._RULES.items():
        namespace, operator = name.split(".")
        if namespace in NOT_IN_TORCH:
            continue
        packets = [
            packet
            for spelling in (operator, f"{operator}_")
            if (packet := getattr(getattr(torch.ops, namespace), spelling, None)) is not None
        ]
        if namespace == "higher_order":
            known = {tuple(inspect.signature(type(each).__call__).parameters) for each in packets}
        else:
            known = {
                tuple(argument.name for argument in getattr(packet, overload)._schema.arguments)
                for packet in packets
                for overload in packet.overloads()
            }
        wants = {
            wanted for wanted, default in found.wants if default is inspect.Parameter.empty
        } - {"out", "outs"}
        if not any(wants <= set(arguments) for arguments in known):
            wrong.append((name, wants))
    assert wrong == []


def test_composites_take_torchs_own_arguments() -> None:
    """What a composite's rule asks for is an argument of the function that it stands for."""
    wants = {
        name: {wanted for wanted, default in found.wants if default is inspect.Parameter.empty}
        for name, found in registry._RULES.items()
        if name.startswith("torch.")
    }
    assert wants.keys() == {
        "torch.scaled_dot_product_attention",
        "torch.local_response_norm",
        "torch.rms_norm",
        "torch.instance_norm",
    }
    given = {
        "torch.scaled_dot_product_attention": (
            "query key value attn_mask dropout_p is_causal scale enable_gqa"
        ),
        "torch.local_response_norm": "input size alpha beta k",
        "torch.rms_norm": "input normalized_shape weight eps",
        "torch.instance_norm": (
            "input running_mean running_var weight bias use_input_stats momentum eps"
        ),
    }
    assert {name: asked - set(given[name].split()) for name, asked in wants.items()} == {
        name: set() for name in wants
    }
