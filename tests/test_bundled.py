"""What ships with the pack: weights that make the sample composites better, small enough to clone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from regharm_core import build_network, harmonize, load_harmonizer, read_info
from regharm_core.network.mapnet import MapNet
from regharm_core.pipeline import default_weights
from regharm_core.training.measuring.metrics import score
from regharm_core.training.run.recipe import read_recipe

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "assets" / "samples"


def opened(name: str, mode: str) -> Tensor:
    values = torch.from_numpy(np.array(Image.open(SAMPLES / f"{name}.png").convert(mode))).float() / 255
    return values[None] if mode == "L" else values.permute(2, 0, 1)


@pytest.mark.parametrize("name", ["cup", "astronaut"])
def test_samples_come_nearer_to_their_truth(name: str) -> None:
    composite, mask, real = opened(name, "RGB"), opened(f"{name}_mask", "L"), opened(f"{name}_real", "RGB")
    result = harmonize(load_harmonizer(), composite[None], mask[None])[0]
    before, after = score(composite, real, mask), score(result, real, mask)
    assert after.fmse < 0.8 * before.fmse
    assert torch.equal(result[:, mask[0] == 0], composite[:, mask[0] == 0])


@pytest.mark.parametrize("name", sorted(path.stem.removesuffix("_real") for path in SAMPLES.glob("*_real.png")))
def test_no_sample_goes_away_from_its_truth(name: str) -> None:
    composite, mask, real = opened(name, "RGB"), opened(f"{name}_mask", "L"), opened(f"{name}_real", "RGB")
    result = harmonize(load_harmonizer(), composite[None], mask[None])[0]
    assert score(result, real, mask).fmse < score(composite, real, mask).fmse
    assert torch.equal(composite[:, mask[0] == 0], real[:, mask[0] == 0])


def test_weights_say_what_they_are() -> None:
    path = default_weights()
    info = read_info(path)
    assert path.stat().st_size < 50e6 and info.facts["images"] > 0 and "licence" in info.facts
    assert (ROOT / "weights" / "MODEL_CARD.md").is_file()


def test_the_next_training_can_begin_with_the_bundled_weights() -> None:
    """A recipe describes the network that it starts from; on a lent GPU it would be too late to learn otherwise.

    What it has more is what may be added to a trained network (`told`). How pictures are looked at and held back goes
    with it: without, a run's weights are measured in another way than those that it started from.
    """
    recipe = read_recipe(ROOT / "recipes" / "regharm-gpu.json")
    assert recipe.start is not None
    net = build_network(recipe.model)
    assert isinstance(net, MapNet)
    state = {k for k in net.state_dict() if not k.endswith("num_batches_tracked")}
    info = read_info(ROOT / recipe.start)
    assert replace(recipe.model, told=False) == info.config
    bundled = set(info.tensors)
    assert bundled <= state and all(name.startswith(net.neutral) for name in state - bundled)


def test_a_small_reference_is_enough() -> None:
    """Weights of places that are negative by rounding made every colour NaN."""
    image = torch.nn.functional.interpolate(opened("cup", "RGB")[None], (800, 1200), mode="bilinear")
    mask, model = torch.zeros(1, 1, 800, 1200), load_harmonizer()
    mask[..., 500:750, 900:1150] = 1
    for side in (12, 25):
        reference = torch.zeros_like(mask)
        reference[..., 210 : 210 + side, 210 : 210 + side] = 1
        result = harmonize(model, image, mask, reference_mask=reference)
        assert bool(result.isfinite().all())
        assert torch.equal(result[:, :, mask[0, 0] == 0], image[:, :, mask[0, 0] == 0])
