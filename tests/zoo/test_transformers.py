"""transformers' networks, made small, beside torch's own counter and real runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import transformers
from torch import nn

from pytest_burden import measure
from tests.zoo.checked import (
    Network,
    abstract,
    counted,
    elements,
    same_for_real,
    same_in_training,
)

transformers.logging.set_verbosity_error()

WIDTHS = {
    "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 96,
}  # fmt: skip
TEXT = WIDTHS | {"vocab_size": 200}
GROUPED = TEXT | {"num_key_value_heads": 2}
HEADS = GROUPED | {"head_dim": 16}
PATCHES = WIDTHS | {"image_size": 32, "patch_size": 8}
TWO = {
    "d_model": 64, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4,
    "decoder_attention_heads": 4, "encoder_ffn_dim": 96, "decoder_ffn_dim": 96, "vocab_size": 200,
}  # fmt: skip
QUEST = {key: value for key, value in TWO.items() if key != "vocab_size"} | {"num_queries": 10}
SOUND = TEXT | {
    "conv_dim": (32, 32, 32), "conv_stride": (5, 2, 2), "conv_kernel": (10, 3, 3),
    "num_feat_extract_layers": 3, "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4, "mask_time_prob": 0.0, "layerdrop": 0.0,
}  # fmt: skip
STAGES = {
    "embedding_size": 16, "hidden_sizes": [16, 32, 64, 64], "depths": [1, 1, 2, 1],
    "layer_type": "basic",
}  # fmt: skip
IDS = {"input_ids": "int64[2, 12]"}
BOTH = IDS | {"decoder_input_ids": "int64[2, 6]"}
SMALL, LARGE, WAVE = "float32[2, 3, 32, 32]", "float32[2, 3, 64, 64]", "float32[2, 4000]"


def configured(name: str, config: dict[str, Any]) -> Callable[[], nn.Module]:
    """Return a factory of a network of that configuration."""

    def build() -> nn.Module:
        cls = getattr(transformers, name)
        model: nn.Module = cls(cls.config_class(**config))
        return model

    return build


def network(name: str, config: dict[str, Any], *args: Any, **kwargs: Any) -> Network:
    """Return a row: the class's name, its configuration, and the inputs."""
    return Network(name, configured(name, config), args, kwargs)


def backbone() -> Any:
    """Return the configuration of a convolutional network for detection."""
    return transformers.ResNetConfig(**STAGES, out_features=["stage4"])


ENCODERS = (
    network("AlbertModel", TEXT | {"embedding_size": 32}, **IDS),
    network("BertModel", TEXT, **IDS),
    network("BertForMaskedLM", TEXT, **IDS),
    network("BigBirdModel", TEXT | {"attention_type": "original_full"}, **IDS),
    network("CamembertModel", TEXT, **IDS),
    network("CanineModel", TEXT | {"num_hash_buckets": 128}, input_ids="int64[2, 128]"),
    network("ConvBertModel", TEXT | {"embedding_size": 32}, **IDS),
    network(
        "DebertaV2Model",
        TEXT | {"relative_attention": True, "pos_att_type": ["p2c", "c2p"]}, **IDS,
    ),
    network(
        "DistilBertModel",
        {"dim": 64, "n_layers": 2, "n_heads": 4, "hidden_dim": 96, "vocab_size": 200}, **IDS,
    ),
    network("ElectraModel", TEXT | {"embedding_size": 32}, **IDS),
    network("FNetModel", TEXT, **IDS),
    network(
        "FunnelModel",
        {"d_model": 64, "n_head": 4, "d_head": 16, "d_inner": 96, "block_sizes": [1, 1],
         "vocab_size": 200}, **IDS,
    ),
    network("LayoutLMModel", TEXT, **IDS),
    network(
        "LongformerModel", TEXT | {"attention_window": 4, "max_position_embeddings": 64}, **IDS,
    ),
    network("MobileBertModel", TEXT | {"intra_bottleneck_size": 64, "embedding_size": 32}, **IDS),
    network("ModernBertModel", TEXT | {"pad_token_id": 0}, **IDS),
    network("MPNetModel", TEXT, **IDS),
    network("NystromformerModel", TEXT | {"num_landmarks": 4, "segment_means_seq_len": 12}, **IDS),
    network("RobertaModel", TEXT, **IDS),
    network("RoFormerModel", TEXT, **IDS),
    network("SqueezeBertModel", TEXT | {"embedding_size": 64}, **IDS),
    network(
        "XLNetModel",
        {"d_model": 64, "n_layer": 2, "n_head": 4, "d_inner": 96, "vocab_size": 200}, **IDS,
    ),
)  # fmt: skip

DECODERS = (
    network(
        "BloomForCausalLM",
        {"hidden_size": 64, "n_layer": 2, "n_head": 4, "vocab_size": 200}, **IDS,
    ),
    network("CohereForCausalLM", GROUPED, **IDS),
    network("FalconForCausalLM", TEXT, **IDS),
    network("Gemma2ForCausalLM", HEADS, **IDS),
    network("Gemma3ForCausalLM", HEADS, **IDS),
    network("GlmForCausalLM", HEADS | {"pad_token_id": 0}, **IDS),
    network(
        "GPT2LMHeadModel",
        {"n_embd": 64, "n_layer": 2, "n_head": 4, "vocab_size": 200, "n_positions": 64}, **IDS,
    ),
    network(
        "GPTJForCausalLM",
        {"n_embd": 64, "n_layer": 2, "n_head": 4, "vocab_size": 200, "rotary_dim": 8}, **IDS,
    ),
    network("GPTNeoXForCausalLM", TEXT, **IDS),
    network("GraniteForCausalLM", GROUPED, **IDS),
    network("LlamaForCausalLM", GROUPED, **IDS),
    network("MistralForCausalLM", GROUPED, **IDS),
    network("OlmoForCausalLM", GROUPED, **IDS),
    network("Olmo2ForCausalLM", GROUPED, **IDS),
    network(
        "OPTForCausalLM",
        {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "ffn_dim": 96,
         "vocab_size": 200, "word_embed_proj_dim": 64, "max_position_embeddings": 64}, **IDS,
    ),
    network("PhiForCausalLM", GROUPED, **IDS),
    network("Phi3ForCausalLM", GROUPED | {"pad_token_id": 0}, **IDS),
    network("Qwen2ForCausalLM", GROUPED, **IDS),
    network("Qwen3ForCausalLM", HEADS, **IDS),
    network("SmolLM3ForCausalLM", GROUPED | {"pad_token_id": 0}, **IDS),
    network("StableLmForCausalLM", GROUPED, **IDS),
    network("Starcoder2ForCausalLM", GROUPED, **IDS),
)  # fmt: skip

EXPERTS = (
    network(
        "DeepseekV3ForCausalLM",
        TEXT
        | {"num_key_value_heads": 4, "q_lora_rank": 16, "kv_lora_rank": 16, "qk_rope_head_dim": 8,
           "qk_nope_head_dim": 8, "v_head_dim": 16, "n_routed_experts": 4, "num_experts_per_tok": 2,
           "n_group": 2, "topk_group": 1, "moe_intermediate_size": 32, "first_k_dense_replace": 1,
           "n_shared_experts": 1}, **IDS,
    ),
    network("GptOssForCausalLM", HEADS | {"num_local_experts": 4, "num_experts_per_tok": 2}, **IDS),
    network("GraniteMoeForCausalLM", GROUPED | {"num_local_experts": 4}, **IDS),
    network("MixtralForCausalLM", GROUPED | {"num_local_experts": 4}, **IDS),
    network("OlmoeForCausalLM", GROUPED | {"num_experts": 4, "num_experts_per_tok": 2}, **IDS),
    network(
        "Qwen2MoeForCausalLM",
        GROUPED
        | {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32,
           "shared_expert_intermediate_size": 48}, **IDS,
    ),
    network(
        "Qwen3MoeForCausalLM",
        HEADS | {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32}, **IDS,
    ),
    network(
        "SwitchTransformersForConditionalGeneration",
        {"d_model": 64, "d_kv": 16, "d_ff": 96, "num_layers": 2, "num_decoder_layers": 2,
         "num_heads": 4, "num_experts": 4, "vocab_size": 200}, **BOTH,
    ),
)  # fmt: skip

STATES = (
    network("FalconMambaForCausalLM", TEXT | {"state_size": 8}, **IDS),
    network("MambaForCausalLM", TEXT | {"state_size": 8}, **IDS),
    network(
        "Mamba2ForCausalLM",
        TEXT | {"state_size": 8, "num_heads": 4, "head_dim": 32, "n_groups": 2, "chunk_size": 4},
        **IDS,
    ),
    network(
        "RecurrentGemmaForCausalLM",
        GROUPED | {"lru_width": 64, "attention_window_size": 8, "num_hidden_layers": 3}, **IDS,
    ),
    network("RwkvForCausalLM", TEXT | {"attention_hidden_size": 64, "context_length": 64}, **IDS),
)  # fmt: skip

PAIRS = (
    network("BartForConditionalGeneration", TWO | {"max_position_embeddings": 64}, **BOTH),
    network(
        "LEDForConditionalGeneration",
        TWO | {"attention_window": 4, "max_encoder_position_embeddings": 64}, **BOTH,
    ),
    network("M2M100ForConditionalGeneration", TWO, **BOTH),
    network("MarianMTModel", TWO | {"pad_token_id": 0, "decoder_start_token_id": 0}, **BOTH),
    network(
        "MT5ForConditionalGeneration",
        {"d_model": 64, "d_kv": 16, "d_ff": 96, "num_layers": 2, "num_heads": 4,
         "vocab_size": 200}, **BOTH,
    ),
    network("PegasusForConditionalGeneration", TWO, **BOTH),
    network(
        "T5ForConditionalGeneration",
        {"d_model": 64, "d_kv": 16, "d_ff": 96, "num_layers": 2, "num_heads": 4,
         "vocab_size": 200}, **BOTH,
    ),
)  # fmt: skip

VISION = (
    network("BeitModel", PATCHES, SMALL),
    network(
        "ConvNextModel", {"hidden_sizes": [16, 32, 64, 64], "depths": [1, 1, 2, 1]}, LARGE,
    ),
    network(
        "ConvNextV2Model", {"hidden_sizes": [16, 32, 64, 64], "depths": [1, 1, 2, 1]}, LARGE,
    ),
    network("DeiTModel", PATCHES, SMALL),
    network("Dinov2Model", PATCHES, SMALL),
    network("DINOv3ViTModel", PATCHES, SMALL),
    network(
        "DPTForDepthEstimation",
        PATCHES
        | {"backbone_out_indices": [0, 1, 2, 3], "neck_hidden_sizes": [16, 16, 32, 32],
           "num_hidden_layers": 4, "fusion_hidden_size": 16, "is_hybrid": False}, SMALL,
    ),
    network("MobileNetV2Model", {"depth_multiplier": 0.25}, LARGE),
    network("MobileViTModel", {"image_size": 64}, LARGE),
    network(
        "PoolFormerModel",
        {"hidden_sizes": [16, 32, 32, 64], "depths": [1, 1, 1, 1]}, LARGE,
    ),
    network(
        "PvtModel",
        {"hidden_sizes": [16, 32, 32, 64], "depths": [1, 1, 1, 1], "image_size": 64,
         "num_attention_heads": [1, 2, 2, 4]}, LARGE,
    ),
    network("RegNetModel", STAGES | {"layer_type": "y", "groups_width": 16}, LARGE),
    network("ResNetModel", STAGES, LARGE),
    network(
        "SegformerForSemanticSegmentation",
        {"hidden_sizes": [16, 32, 32, 64], "num_attention_heads": [1, 2, 2, 4],
         "depths": [1, 1, 1, 1], "decoder_hidden_size": 32}, LARGE,
    ),
    network("SiglipVisionModel", PATCHES, SMALL),
    network(
        "SwinModel",
        {"image_size": 32, "patch_size": 2, "window_size": 4, "embed_dim": 32, "depths": [2, 2],
         "num_heads": [2, 4]}, SMALL,
    ),
    network(
        "Swinv2Model",
        {"image_size": 32, "patch_size": 2, "window_size": 4, "embed_dim": 32, "depths": [2, 2],
         "num_heads": [2, 4]}, SMALL,
    ),
    network("TimesformerModel", PATCHES | {"num_frames": 2}, "float32[1, 2, 3, 32, 32]"),
    network(
        "VideoMAEModel", PATCHES | {"num_frames": 4, "tubelet_size": 2}, "float32[1, 4, 3, 32, 32]",
    ),
    network("ViTModel", PATCHES, SMALL),
    network("YolosForObjectDetection",
            PATCHES | {"image_size": [32, 32], "num_detection_tokens": 5}, SMALL),
)  # fmt: skip

SPEECH = (
    network(
        "ASTModel",
        WIDTHS | {"max_length": 64, "num_mel_bins": 32, "patch_size": 16}, "float32[2, 64, 32]",
    ),
    network(
        "EncodecModel",
        {"num_filters": 4, "upsampling_ratios": [4, 2], "hidden_size": 16, "codebook_size": 16,
         "target_bandwidths": [24.0], "num_lstm_layers": 1}, "float32[1, 1, 1600]",
    ),
    network("HubertModel", SOUND, WAVE),
    network("Wav2Vec2Model", SOUND, WAVE),
    network("WavLMModel", SOUND, WAVE),
    network(
        "WhisperForConditionalGeneration",
        TWO
        | {"num_mel_bins": 20, "max_source_positions": 50, "max_target_positions": 32,
           "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1},
        input_features="float32[2, 20, 100]", decoder_input_ids="int64[2, 6]",
    ),
)  # fmt: skip

SEVERAL = (
    network(
        "BlipModel",
        {"text_config": TEXT | {"encoder_hidden_size": 64, "projection_dim": 32},
         "vision_config": PATCHES, "projection_dim": 32}, pixel_values=SMALL, **IDS,
    ),
    network(
        "CLIPModel",
        {"text_config": TEXT | {"max_position_embeddings": 32}, "vision_config": PATCHES,
         "projection_dim": 32}, pixel_values=SMALL, **IDS,
    ),
    network(
        "SiglipModel",
        {"text_config": TEXT | {"max_position_embeddings": 32, "projection_size": 64},
         "vision_config": PATCHES}, pixel_values=SMALL, **IDS,
    ),
    network(
        "ViltModel",
        PATCHES | TEXT | {"max_image_length": 16}, pixel_values=SMALL, **IDS,
    ),
    network(
        "PerceiverModel",
        {"d_latents": 64, "d_model": 64, "num_latents": 16, "num_blocks": 1,
         "num_self_attends_per_block": 2, "num_self_attention_heads": 4,
         "num_cross_attention_heads": 4}, "float32[2, 12, 64]",
    ),
    network(
        "PatchTSTModel",
        {"d_model": 32, "num_attention_heads": 4, "num_hidden_layers": 2, "ffn_dim": 48,
         "num_input_channels": 3, "context_length": 32, "patch_length": 8, "patch_stride": 8},
        "float32[2, 32, 3]",
    ),
    network(
        "DetrForObjectDetection",
        QUEST | {"use_timm_backbone": False, "backbone_config": backbone()}, LARGE,
    ),
    network(
        "ConditionalDetrForObjectDetection",
        QUEST | {"use_timm_backbone": False, "backbone_config": backbone()}, LARGE,
    ),
)  # fmt: skip

NETWORKS = (*ENCODERS, *DECODERS, *EXPERTS, *STATES, *PAIRS, *VISION, *SPEECH, *SEVERAL)

TOKENS, CHOSEN, LAYERS = 2 * 12, 2, 2
UNSEEN = {
    "DeepseekV3ForCausalLM": TOKENS * CHOSEN * (3 * 64 * 32),  # its first layer has no experts
    "GptOssForCausalLM": TOKENS * CHOSEN * (3 * 64 * 96) * LAYERS,
    "GraniteMoeForCausalLM": TOKENS * CHOSEN * (3 * 64 * 96) * LAYERS,
    "MixtralForCausalLM": TOKENS * CHOSEN * (3 * 64 * 96) * LAYERS,
    "OlmoeForCausalLM": TOKENS * CHOSEN * (3 * 64 * 96) * LAYERS,
    "Qwen2MoeForCausalLM": TOKENS * CHOSEN * (3 * 64 * 32) * LAYERS,
    "Qwen3MoeForCausalLM": TOKENS * CHOSEN * (3 * 64 * 32) * LAYERS,
}
"""Multiply-adds that torch's counter has no formula for: the grouped products of experts.

Each token goes through the gate, up and down projection of each expert that is chosen for it.
"""

networks = pytest.mark.parametrize("network", NETWORKS, ids=str)


@networks
@pytest.mark.filterwarnings("ignore")
def test_counted(network: Network) -> None:
    """Parameters and multiply-adds are torch's own; no data, and nothing uncounted."""
    burden, model = abstract(*network.parts), network.build()
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


@pytest.mark.filterwarnings("ignore")
def test_cached_step() -> None:
    """One token after twelve: the cache is an input, and stays as long as it was."""
    build = configured("LlamaForCausalLM", GROUPED)
    with torch.no_grad():
        cache = build().eval()(torch.ones(2, 12, dtype=torch.int64), use_cache=True).past_key_values
    burden = abstract(build, (), {"input_ids": "int64[2, 1]", "past_key_values": cache})
    layer = 2 * 64 * 64 + 2 * 64 * 32 + 3 * 64 * 96  # q, o; k, v; gate, up, down
    attention = 2 * 64 * 13
    assert burden.macs == 2 * (2 * (layer + attention) + 64 * 200)
    assert cache.get_seq_length() == 12


def test_half_precision() -> None:
    """The same network in bfloat16: half the bytes, the same arithmetic."""
    build = configured("LlamaForCausalLM", GROUPED)
    full, half = abstract(build, (), IDS), abstract(lambda: build().bfloat16(), (), IDS)
    assert (half.macs, 2 * half.param_memory) == (full.macs, full.param_memory)
    same_for_real(lambda: build().bfloat16(), (), IDS)
    same_in_training(lambda: build().bfloat16(), (), IDS)


def test_output_is_a_dataclass() -> None:
    """What a network returns is found in it: the loss of a training step needs it."""
    network = next(n for n in NETWORKS if n.name == "BertModel")
    assert isinstance(network.build()(torch.ones(2, 12, dtype=torch.int64)), dict)
    assert measure(*network.parts, training=True).training_macs
