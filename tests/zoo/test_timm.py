"""timm's networks: the first and the smallest of each of its modules.

The truth is torch's own: the parameters of the network as torch makes it on the meta device, and
the multiply-adds that its counter sees there. The smallest networks are run for real besides.
"""

from __future__ import annotations

import pytest
import timm
from torch import nn

from tests.zoo.checked import (
    Build,
    Network,
    abstract,
    counted,
    elements,
    on_meta,
    same_for_real,
    same_in_training,
)

MODULES = timm.list_modules()
SMALLEST = """
beit_base_patch16_224
halonet_h1
mobileone_s1
cait_xxs24_224
coat_tiny
convit_tiny
convmixer_768_32
convnext_zepto_rms
cpubone_nano
crossvit_tiny_240
csatv2
cs3darknet_focus_s
cspnext_tiny
davit_tiny
deepseek_vit_412m
deit_tiny_patch16_224
densenet121
dla46x_c
dpn48b
edgenext_xx_small
efficientformer_l1
efficientformerv2_s0
mobilenetv2_035
efficientvim_m1
efficientvit_b0
efficientvit_m0
vit_tiny_patch16_dinov3_qkvb
fasternet_t0
fastvit_t8
focalnet_tiny_srf
gcvit_xxtiny
gemma4_vit_167m
ghostnet_050
hardcorenas_b
hgnetv2_b0
hiera_tiny_224
sam2_hiera_tiny
hrnet_w18_small
iformer_t
inception_next_atto
inception_resnet_v2
inception_v3
inception_v4
lcnetv2_small
levit_128s
lowformer_b0
mambaout_femto
maxvit_pico_rw_256
poolformerv2_s12
gmlp_ti16_224
mobilenetv3_small_050
mobilenetv5_base
mobilevit_xxs
mvitv2_tiny
naflexvit_base_patch16_parfac_gap
nasnetalarge
nest_tiny
nextvit_small
nf_regnet_b0
pit_ti_224
pnasnet5large
pvt_v2_b0
qwen3_vit_88m
rdnet_tiny
regnetx_002
repghostnet_050
repvit_m1
res2next50
resnest14d
resnet10t
resnetv2_18
rexnet_100
selecsls42
legacy_seresnet18
sequencer2d_s
shvit_s1
skresnet18
starnet_s050
swiftformer_xs
swin_tiny_patch4_window7_224
swinv2_tiny_window16_256
swinv2_cr_tiny_224
tiny_vit_5m_224
tnt_s_legacy_patch16_224
tresnet_m
twins_svt_small
vgg11
visformer_tiny
vit_tiny_patch16_224
vit_tiny_r_s16_p8_224
vit_srelpos_small_patch16_224
samvit_base_patch16_224
vitamin_small_224
volo_d1_224
ese_vovnet19b_slim_dw
legacy_xception
xception41p
xcit_nano_12_p8_224
"""
"""Of each module, the network with the fewest parameters that is not there for timm's own tests."""

TOO_LARGE = {
    *("beit_base_patch16_224", "deepseek_vit_412m", "gemma4_vit_167m", "mobilenetv5_base"),
    *("naflexvit_base_patch16_parfac_gap", "nasnetalarge", "pnasnet5large", "qwen3_vit_88m"),
    *("samvit_base_patch16_224", "vgg11"),
}
"""Networks of more than 8 x 10^7 parameters, which are not run for real."""

SIDE = 128
"""Of the images in real runs: with 96 csatv2 comes to convolutions of 1 x 1, channels last, whose
outputs the kernel gives other strides; no figure depends on them."""

AT_ITS_SIZE = {"halonet_h1"}
"""Networks whose attention is in blocks that smaller images do not fill."""


def first(module: str) -> str:
    """Return the first network of a module by name, but for those of timm's own tests."""
    names: list[str] = timm.list_models(module=module, exclude_filters="test_*")
    return min(names)


def network(name: str) -> Network:
    """Return a network, and one image of its own size."""
    channels, height, width = timm.get_pretrained_cfg(name).input_size
    return Network(name, factory(name), [f"float32[1, {channels}, {height}, {width}]"])


def small(name: str) -> Network:
    """Return a network, and two images: small ones, where it takes any."""
    config = timm.get_pretrained_cfg(name)
    fixed = config.fixed_input_size or name in AT_ITS_SIZE
    height, width = config.input_size[1:] if fixed else (SIDE, SIDE)
    return Network(name, factory(name), [f"float32[2, 3, {height}, {width}]"])


def factory(name: str) -> Build:
    """Return a factory of a network."""

    def build() -> nn.Module:
        model: nn.Module = timm.create_model(name)
        return model

    return build


BOTH = sorted({*map(first, MODULES), *SMALLEST.split()})
RUN = [name for name in SMALLEST.split() if name not in TOO_LARGE]


def test_every_module_is_there() -> None:
    """One network of each module is among the smallest."""
    modules = [timm.models.model_entrypoint(name).__module__ for name in SMALLEST.split()]
    assert sorted(module.rpartition(".")[2] for module in modules) == sorted(MODULES)


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.filterwarnings("ignore")
def test_counted(name: str) -> None:
    """Parameters and multiply-adds are torch's own; no data, and nothing uncounted."""
    found = network(name)
    burden, model = abstract(*found.parts), on_meta(found.build)
    assert burden.params == elements(model)
    assert burden.macs == counted(model, found.args)


@pytest.mark.parametrize("name", RUN)
@pytest.mark.filterwarnings("ignore")
def test_same(name: str) -> None:
    """A real forward does what is measured without data."""
    same_for_real(*small(name).parts)


@pytest.mark.filterwarnings("ignore")
def test_same_for_one_image() -> None:
    """A real forward of one image does what is measured without data."""
    same_for_real(factory("poolformerv2_s12"), [f"float32[1, 3, {SIDE}, {SIDE}]"])


@pytest.mark.parametrize("name", RUN)
@pytest.mark.filterwarnings("ignore")
def test_same_in_training(name: str) -> None:
    """Two training steps take what is predicted."""
    same_in_training(*small(name).parts)
