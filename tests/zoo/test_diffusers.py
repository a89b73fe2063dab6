"""diffusers' networks, made narrow, beside torch's own counter and real runs."""

from __future__ import annotations

from typing import Any

import diffusers
import pytest

from tests.zoo.checked import (
    Network,
    abstract,
    counted,
    elements,
    on_meta,
    same_for_real,
    same_in_training,
)

IMAGE = "float32[2, 4, 16, 16]"
STEP = "int64[2] = 3"


def network(name: str, config: dict[str, Any], *args: Any, **kwargs: Any) -> Network:
    """Return a row: the class's name, its configuration, and the inputs."""
    return Network(name, lambda: getattr(diffusers, name)(**config), args, kwargs)


UNET = {"block_out_channels": (32, 64), "layers_per_block": 1, "norm_num_groups": 8}
ACROSS = {
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
    "cross_attention_dim": 32,
    "attention_head_dim": 8,
}
HEADS = {"num_attention_heads": 2, "attention_head_dim": 16, "num_layers": 2}
TEXT = "float32[2, 7, 32]"

NETWORKS = (
    network(
        "UNet2DModel",
        UNET
        | {
            "down_block_types": ("DownBlock2D", "AttnDownBlock2D"),
            "up_block_types": ("AttnUpBlock2D", "UpBlock2D"),
        },
        "float32[2, 3, 16, 16]", STEP,
    ),
    network("UNet2DConditionModel", UNET | ACROSS, IMAGE, STEP, TEXT),
    network(
        "UNet3DConditionModel",
        UNET
        | ACROSS
        | {
            "down_block_types": ("CrossAttnDownBlock3D", "DownBlock3D"),
            "up_block_types": ("UpBlock3D", "CrossAttnUpBlock3D"),
        },
        "float32[2, 4, 3, 16, 16]", STEP, TEXT,
    ),
    network(
        "ControlNetModel",
        {key: value for key, value in (UNET | ACROSS).items() if key != "up_block_types"}
        | {"conditioning_embedding_out_channels": (8, 16)},
        IMAGE, STEP, TEXT, "float32[2, 3, 32, 32]",
    ),
    network(
        "AutoencoderKL",
        UNET
        | {
            "block_out_channels": (16, 32),
            "down_block_types": ("DownEncoderBlock2D",) * 2,
            "up_block_types": ("UpDecoderBlock2D",) * 2,
        },
        "float32[1, 3, 32, 32]",
    ),
    network(
        "AutoencoderTiny",
        {
            "encoder_block_out_channels": (16, 16),
            "decoder_block_out_channels": (16, 16),
            "num_encoder_blocks": (1, 1),
            "num_decoder_blocks": (1, 1),
        },
        "float32[1, 3, 32, 32]",
    ),
    network(
        "VQModel",
        {
            "block_out_channels": (16,), "norm_num_groups": 8, "num_vq_embeddings": 20,
            "layers_per_block": 1,
        },
        "float32[1, 3, 16, 16]",
    ),
    network(
        "DiTTransformer2DModel",
        HEADS
        | {"in_channels": 4, "sample_size": 8, "norm_num_groups": 8, "num_embeds_ada_norm": 9},
        "float32[2, 4, 8, 8]", timestep=STEP, class_labels="int64[2] = 1",
    ),
    network(
        "PixArtTransformer2DModel",
        HEADS
        | {
            "in_channels": 4, "sample_size": 8, "norm_num_groups": 8, "caption_channels": 32,
            "cross_attention_dim": 32,
        },
        "float32[2, 4, 8, 8]", encoder_hidden_states=TEXT, timestep=STEP,
        added_cond_kwargs={"resolution": None, "aspect_ratio": None},
    ),
    network(
        "SD3Transformer2DModel",
        HEADS
        | {
            "in_channels": 4, "sample_size": 8, "joint_attention_dim": 32,
            "caption_projection_dim": 32, "pooled_projection_dim": 24, "out_channels": 4,
        },
        "float32[2, 4, 8, 8]", TEXT, "float32[2, 24]", STEP,
    ),
    network(
        "FluxTransformer2DModel",
        HEADS
        | {
            "in_channels": 4, "num_single_layers": 1, "joint_attention_dim": 32,
            "pooled_projection_dim": 24, "axes_dims_rope": (4, 4, 8),
        },
        hidden_states="float32[2, 16, 4]", encoder_hidden_states=TEXT,
        pooled_projections="float32[2, 24]", timestep="float32[2]", img_ids="float32[16, 3]",
        txt_ids="float32[7, 3]",
    ),
    network(
        "CogVideoXTransformer3DModel",
        HEADS
        | {
            "in_channels": 4, "out_channels": 4, "time_embed_dim": 8, "text_embed_dim": 32,
            "sample_width": 8, "sample_height": 8, "sample_frames": 5, "max_text_seq_length": 7,
        },
        "float32[2, 2, 4, 8, 8]", TEXT, STEP,
    ),
    network(
        "WanTransformer3DModel",
        HEADS
        | {"in_channels": 4, "out_channels": 4, "text_dim": 32, "freq_dim": 16, "ffn_dim": 48},
        "float32[2, 4, 2, 8, 8]", STEP, TEXT,
    ),
)  # fmt: skip

UNSEEN = {"VQModel": 256 * 20 * 3}
"""Multiply-adds that torch's counter has no formula for: cdist, of 256 vectors and 20 codes."""

networks = pytest.mark.parametrize("network", NETWORKS, ids=str)


@networks
@pytest.mark.filterwarnings("ignore")
def test_counted(network: Network) -> None:
    """Parameters and multiply-adds are torch's own; no data, and nothing uncounted."""
    burden = abstract(*network.parts)
    model = on_meta(network.build)
    assert burden.params == elements(model)
    seen = counted(model, network.args, network.kwargs)
    assert burden.macs == seen + UNSEEN.get(network.name, 0)


@networks
@pytest.mark.filterwarnings("ignore")
def test_same(network: Network) -> None:
    """A real forward does what is measured without data."""
    same_for_real(*network.parts)


@networks
@pytest.mark.filterwarnings("ignore")
def test_same_in_training(network: Network) -> None:
    """Two training steps take what is predicted."""
    same_in_training(*network.parts)
