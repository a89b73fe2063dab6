"""The fourteen test networks: how each is built, what goes in, and what is known of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from torch import nn

from tests.networks.convnext import ConvNext
from tests.networks.language import Gpt, Llama
from tests.networks.mobile import B0, LARGE, EfficientNet, MobileNet
from tests.networks.resnet import DeepLab, ResNet
from tests.networks.small import Einsum, Shared, Tagger
from tests.networks.swin import Swin
from tests.networks.unet import Unet
from tests.networks.vgg import Vgg
from tests.networks.vit import VisionTransformer


@dataclass(frozen=True)
class Network:
    """One network with its inputs, and the truth from elsewhere."""

    name: str
    build: Callable[[], nn.Module]
    spec: str
    """The input; ``{n}`` stands for the batch size."""
    params: int
    gmacs: float
    """Published, or by hand, in 10^9 multiply-adds at batch 1 with as many digits as are known."""
    small: Callable[[], nn.Module]
    """The same structure with few and narrow layers, quick enough to run for real."""
    small_spec: str

    def inputs(self, batch: int = 1) -> tuple[str, ...]:
        """Return the input specs at a batch size."""
        return (self.spec.format(n=batch),)

    def __str__(self) -> str:
        return self.name


IMAGE = "float32[{n}, 3, 224, 224]"


def _conv(channels: int, out: int, kernel: int, side: int) -> int:
    return channels * out * kernel**2 * side**2


UNET_MACS = (
    _conv(3, 16, 3, 64) + _conv(16, 16, 3, 64)
    + _conv(16, 32, 3, 32) + _conv(32, 32, 3, 32)
    + _conv(32, 64, 3, 16) + _conv(64, 64, 3, 16)
    + _conv(64, 32, 2, 16)  # transposed: by the input's side
    + _conv(64, 32, 3, 32) + _conv(32, 32, 3, 32)
    + _conv(32, 16, 2, 32)  # transposed
    + _conv(32, 16, 3, 64) + _conv(16, 16, 3, 64)
    + _conv(16, 5, 1, 64)
)  # fmt: skip
UNET_PARAMS = (
    9 * (3 * 16 + 16 * 16 + 16 * 32 + 32 * 32 + 32 * 64 + 64 * 64)
    + 9 * (64 * 32 + 32 * 32 + 32 * 16 + 16 * 16)
    + 4 * (64 * 32 + 32 * 16) + 32 + 16
    + 2 * 2 * (16 + 32 + 64 + 32 + 16)  # two batch norms in each block
    + 16 * 5 + 5
)  # fmt: skip
GPT_MACS = (
    4 * 128 * (4 * 256 * 256 + 2 * 256 * 1024)  # the linear layers of four blocks
    + 4 * 2 * 128 * 128 * 256  # scores and mixing
    + 128 * 256 * 5000  # the tied output layer
)
LLAMA_MACS = (
    4 * 128 * (2 * 256 * 256 + 2 * 256 * 64 + 3 * 256 * 688)
    + 4 * 2 * 128 * 128 * 256
    + 128 * 256 * 5000
)
LSTM_MACS = 128 * (
    2 * 4 * 128 * (64 + 128)  # two directions, four gates: from the input and from the state
    + 2 * 4 * 128 * (256 + 128)
    + 256 * 10
)
EINSUM_MACS = 128 * (
    3 * 64 * 64  # three projections
    + 2 * 128 * 64  # scores and mixing
    + 64 * 4  # heads among each other
    + 64 * 64  # output projection
    + 2 * 64 * 256
)
SHARED_MACS = 32 * (3 * 64 * 64 + 64 * 1000)

NETWORKS = (
    Network(
        "resnet50", ResNet, IMAGE, 25_557_032, 4.0892,
        partial(ResNet, (1, 2, 1, 1), 8, 10), "float32[2, 3, 32, 32]",
    ),
    Network(
        "vgg16", Vgg, IMAGE, 138_357_544, 15.4703,
        partial(Vgg, (1, 1, 2, 1), 8, 32, 10), "float32[2, 3, 32, 32]",
    ),
    Network(
        "mobilenet_v3_large", MobileNet, IMAGE, 5_483_032, 0.2166,
        partial(MobileNet, LARGE[:6], 10), "float32[2, 3, 32, 32]",
    ),
    Network(
        "efficientnet_b0", EfficientNet, IMAGE, 5_288_548, 0.3858,
        partial(EfficientNet, B0[:3], 10), "float32[2, 3, 32, 32]",
    ),
    Network(
        "convnext_tiny", ConvNext, IMAGE, 28_589_128, 4.4555,
        partial(ConvNext, (1, 2), 16, 10), "float32[2, 3, 32, 32]",
    ),
    Network(
        # torchvision's published 42,004,074 parameters hold the auxiliary head as well: a 3x3
        # convolution from 1024 to 256 channels, its batch norm, a 1x1 convolution to 21 classes.
        "deeplabv3_resnet50", DeepLab, IMAGE,
        42_004_074 - (9 * 1024 * 256 + 2 * 256 + 256 * 21 + 21), 31.3105,
        partial(DeepLab, (1, 1, 1, 2), 8, 5, (2, 3, 4)), "float32[2, 3, 48, 40]",
    ),
    Network(
        "unet", Unet, "float32[{n}, 3, 64, 64]", UNET_PARAMS, UNET_MACS / 1e9,
        partial(Unet, (4, 8), 3), "float32[2, 3, 16, 16]",
    ),
    Network(
        "vit_b_16", VisionTransformer, IMAGE, 86_567_656, 17.5638,
        partial(VisionTransformer, 32, 8, 32, depth=2, heads=4, classes=10),
        "float32[2, 3, 32, 32]",
    ),
    Network(
        "swin_t", Swin, IMAGE, 28_288_354, 4.4906,
        partial(Swin, (2, 2), 16, 8, 3, 10), "float32[2, 3, 40, 28]",
    ),
    Network(
        "gpt2", Gpt, "int64[{n}, 128]", 4_505_088, GPT_MACS / 1e9,
        partial(Gpt, 50, 16, 32, 4, 2), "int64[2, 12]",
    ),
    Network(
        "llama", Llama, "int64[{n}, 128]",
        2 * 5000 * 256 + 4 * (2 * 256 * 256 + 2 * 256 * 64 + 3 * 256 * 688 + 2 * 256) + 256,
        LLAMA_MACS / 1e9,
        partial(Llama, 50, 32, heads=4, groups=2, hidden=48, depth=2),
        "int64[2, 12]",
    ),
    Network(
        "lstm", Tagger, "float32[{n}, 128, 64]",
        2 * 4 * 128 * (64 + 128 + 2) + 2 * 4 * 128 * (256 + 128 + 2) + 256 * 10 + 10,
        LSTM_MACS / 1e9,
        partial(Tagger, 6, 8, 3), "float32[2, 5, 6]",
    ),
    Network(
        "einsum_sdpa", Einsum, "float32[{n}, 128, 64]",
        4 * 64 * 64 + 4 * 4 + 2 * 64 * 256, EINSUM_MACS / 1e9,
        partial(Einsum, 8, 2), "float32[2, 5, 8]",
    ),
    Network(
        "shared_tied", Shared, "int64[{n}, 32]",
        1000 * 64 + 64 * 64 + 64, SHARED_MACS / 1e9,
        partial(Shared, 20, 8), "int64[2, 6]",
    ),
)  # fmt: skip
