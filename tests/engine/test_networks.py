"""Fourteen networks against published figures, figures by hand, and torch's own counter."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from pytest_burden import Convention, measure
from tests.networks import NETWORKS, Network
from tests.networks.language import Gpt

networks = pytest.mark.parametrize("network", NETWORKS, ids=str)


@networks
def test_published(network: Network) -> None:
    """Parameters exactly, multiply-adds to the last published digit, nothing uncounted."""
    burden = measure(network.build, network.inputs())
    assert burden.params == burden.trainable_params == network.params
    assert _rounded(burden.macs / 1e9, network.gmacs) == network.gmacs
    assert (burden.uncounted_ops, burden.method) == (0, "abstract")


def _rounded(value: float, like: float) -> float:
    """Round to as many decimals as ``like`` is given with."""
    return round(value, len(str(like).partition(".")[2]))


@networks
def test_half_of_torchs_counter(network: Network) -> None:
    """``FlopCounterMode`` counts 2 a multiply-add, and is right where nothing is fused: on meta."""
    with torch.device("meta"):
        model = network.build().eval()
    # An abstract copy of the inputs is made by hand: the engine's own reading is what is tested.
    dtype, _, sizes = network.inputs()[0].partition("[")
    shape = [int(size) for size in sizes.rstrip("]").split(",")]
    given = torch.ones(shape, dtype=getattr(torch, dtype), device="meta")
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(given)
    assert 2 * measure(network.build, network.inputs()).macs == counter.get_total_flops()


@networks
def test_eval_is_train(network: Network) -> None:
    """The model's own mode does not move any figure, nor does the measurement move the mode."""
    model = network.small()
    inputs = (network.small_spec,)
    flags = []
    burdens = []
    for training in (True, False):
        model.train(training)
        burdens.append(measure(model, inputs))
        flags.append({module.training for module in model.modules()})
    assert burdens[0] == burdens[1]
    assert flags == [{True}, {False}]


@networks
def test_a_factory_is_its_model(network: Network) -> None:
    """Built without weights or given with them: the same burden, rows and all."""
    inputs = (network.small_spec,)
    assert measure(network.small, inputs) == measure(network.small(), inputs)


@networks
def test_twice_the_batch_is_twice_the_work(network: Network) -> None:
    """Multiply-adds double exactly; so does all that is computed for each sample."""
    one, two = (measure(network.build, network.inputs(batch)) for batch in (2, 4))
    assert two.macs == 2 * one.macs
    assert (two.params, two.model_memory) == (one.params, one.model_memory)
    # What is computed once for the whole batch (masks, rotations, biases) does not double.
    assert 0 <= 2 * one.flops - two.flops <= one.flops / 10
    assert 0 <= 2 * one.activation_memory - two.activation_memory <= one.activation_memory / 10


def test_twice_the_sequence_is_more_than_twice_the_attention() -> None:
    """Attention grows with the square: a count that only doubles has missed it."""
    macs = [measure(Gpt, f"int64[1, {length}]").macs for length in (64, 128)]
    linear = [4 * length * 12 * 256 * 256 + length * 256 * 5000 for length in (64, 128)]
    attention = [total - part for total, part in zip(macs, linear, strict=True)]
    assert macs[1] > 2 * macs[0]
    assert attention == [4 * 2 * 64 * 64 * 256, 4 * 2 * 128 * 128 * 256]


@networks
def test_both_conventions(network: Network) -> None:
    """A fused multiply-add is one operation or two; everything else stays as it is."""
    inputs = network.inputs()
    one, two = (measure(network.build, inputs, convention=Convention(fma=fma)) for fma in (1, 2))
    assert two.flops - one.flops == one.macs == two.macs
    assert one.flops >= one.macs


@networks
def test_memory_is_elements_times_bytes(network: Network) -> None:
    """Model memory is that of the parameters in their dtype and of the buffers in theirs."""
    burden = measure(network.small, (network.small_spec,))
    model = network.small()
    state = {id(value): value for value in (*model.parameters(), *model.buffers())}
    assert burden.model_memory == sum(t.numel() * t.element_size() for t in state.values())
    assert burden.param_memory == 4 * burden.params
    assert burden.model_memory == burden.param_memory + burden.buffer_memory
    assert burden.modules == len(list(model.modules()))


def test_half_precision_halves_the_memory() -> None:
    """The same network in bfloat16: half the bytes, the same arithmetic."""

    def half() -> nn.Module:
        return Gpt().bfloat16()

    full, narrow = measure(Gpt, "int64[1, 128]"), measure(half, "int64[1, 128]")
    assert 2 * narrow.param_memory == full.param_memory
    assert 2 * narrow.activation_memory == full.activation_memory
    assert (narrow.macs, narrow.flops) == (full.macs, full.flops)
    agnostic = [
        measure(build, "int64[1, 128]", convention=Convention(datum_bytes=4))
        for build in (Gpt, half)
    ]
    assert agnostic[0].activation_memory == agnostic[1].activation_memory
