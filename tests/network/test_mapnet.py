"""The network that draws colour maps: what its answer is made of, every combination of its parts, other resolutions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from regharm_core import HarmonizerConfig, HarmonizerNet, InputError, build_network, parameter_count, save_checkpoint
from regharm_core.network.folding import fold_norms
from regharm_core.network.mapnet import MapNet
from regharm_core.network.profiles import SAMPLES, Rim
from regharm_core.network.rim import ALONE, TOLD
from regharm_core.store.checkpoint import load_network
from tests.network import slow, slow_maps
from tests.network.cases import TOLERANCE
from tests.network.mapnets import EVERYTHING, SMALL, VARIANTS, lively, lively_reader, scene


def double(net: MapNet) -> tuple[MapNet, Tensor, Tensor]:
    image, mask = scene()
    return net.double(), image.double(), mask.double()


def test_the_answer_is_its_maps_applied_to_the_composite() -> None:
    """Eq. 7 with the residual written as maps, from the maps on in loops: enlarged, applied, under the mask added."""
    net, image, mask = double(lively(**EVERYTHING))
    with torch.no_grad():
        output = net(image, mask)
    assert output.maps is not None and output.maps.shape == (2, 12, 16, 16)
    assert output.prediction.std() > 0.02
    for n in range(2):
        residual = slow_maps.apply_maps(slow.resize(output.maps[n], 64, 64), image[n])
        torch.testing.assert_close(output.prediction[n], residual, rtol=TOLERANCE, atol=TOLERANCE)
        colours, changes, shares = (slow.pixels(part) for part in (image[n], residual, mask[n]))
        answer = {place: colours[place] + shares[place] * changes[place] for place in colours}
        torch.testing.assert_close(output.image[n], slow.rebuild(answer, 64, 64), rtol=TOLERANCE, atol=TOLERANCE)
    outside = (mask == 0).expand_as(image)
    assert torch.equal(output.image[outside], image[outside])


@pytest.mark.parametrize("matching", ["features", "content"])
def test_an_untrained_network_returns_its_input(matching: str) -> None:
    torch.manual_seed(0)
    net = build_network(HarmonizerConfig(**(EVERYTHING | {"matching": matching})))
    image, mask = scene()
    output = net.eval()(image, mask)
    assert torch.equal(output.image, image) and output.maps is not None and not output.maps.any()


@pytest.mark.parametrize("name", VARIANTS)
def test_every_combination(name: str, tmp_path: Path) -> None:
    """It learns with every parameter but the eye's, goes through a file, and folds its norms."""
    net = lively(**VARIANTS[name]).train()
    image, mask = scene()
    output = net(image, mask)
    doubt = output.image.new_zeros(()) if output.doubt is None else output.doubt.sum()
    assert (output.doubt is None) == (not net.config.doubt)
    (output.image.square().sum() + doubt).backward()
    learned = [(n, p) for n, p in net.named_parameters() if not n.startswith("eye.")]
    assert [n for n, p in learned if p.grad is None or not bool(p.grad.abs().sum() > 0)] == []
    assert all(p.grad is None for n, p in net.named_parameters() if n.startswith("eye."))

    net.eval()
    save_checkpoint(net, tmp_path / "w.safetensors", facts={})
    loaded, info = load_network(tmp_path / "w.safetensors")
    assert info.config == net.config and type(loaded) is MapNet and not loaded.training
    kept = {key: value for key, value in loaded.state_dict().items() if not key.endswith("num_batches_tracked")}
    assert kept and all(torch.equal(value, net.state_dict()[key]) for key, value in kept.items())
    loaded, image, mask = double(loaded)
    before = loaded(image, mask)
    after = fold_norms(loaded)(image, mask)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in loaded.modules())
    assert before.prediction.std() > 0.01
    torch.testing.assert_close(after.prediction, before.prediction, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("told", [False, True])
def test_what_the_rim_tells_is_done_before_the_network_looks(tmp_path: Path, told: bool) -> None:
    """The reader is no part of what learns here, and goes through a file with the rest. What is sure is taken; a
    network that is told of it takes more."""
    net = lively(**EVERYTHING | {"rim": 8, "told": told})
    assert net.rim is not None and net.overall is not None
    net.rim.load_state_dict(lively_reader().state_dict())
    assert not any(p.requires_grad for p in net.rim.parameters())
    save_checkpoint(net, tmp_path / "w.safetensors", facts={})
    loaded, _ = load_network(tmp_path / "w.safetensors")
    net, image, mask = double(net)
    profiles = torch.rand(2, 30, SAMPLES, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    rim = Rim(profiles, torch.tensor([True, False]))
    with torch.no_grad():
        reading = net.rim(rim).if_sure(TOLD if told else ALONE)
        output, alone = net(image, mask, rim=rim), net(image, mask)
        changed = torch.stack(
            [image[n] + slow_maps.apply_maps(reading.maps[n].expand(12, 64, 64), image[n]) * mask[n] for n in (0, 1)]
        ).clamp(0, 1)
        share: Any = 1
        if net.told is not None:
            heard, share = net.told(reading, image, mask)
            assert float(heard.abs().max()) > 0.01 and float((share - 1).abs().max()) > 0.01
            net.overall.perceptron[0].register_forward_hook(lambda *parts: parts[2] + heard)
        expected = net(changed, mask)
    assert torch.equal(output.rim.maps, reading.maps) and not bool(reading.maps[1].any()) and alone.rim is None
    assert told or torch.equal(output.maps[1], alone.maps[1])
    torch.testing.assert_close(output.maps, expected.maps * share, rtol=TOLERANCE, atol=TOLERANCE)
    torch.testing.assert_close(output.image, changed + expected.prediction * share * mask, rtol=1e-5, atol=1e-5)
    assert float((output.image[0] - alone.image[0]).abs().max()) > 0.01
    single = loaded(image.float(), mask.float(), rim=Rim(profiles.float(), rim.there))
    torch.testing.assert_close(single.image.double(), output.image, rtol=1e-3, atol=1e-3)


def test_the_two_layouts_are_built_by_name() -> None:
    assert type(build_network(HarmonizerConfig(**SMALL))) is MapNet
    assert type(build_network(HarmonizerConfig(width=2))) is HarmonizerNet


def test_parameters_are_counted_without_memory() -> None:
    for fields in (SMALL, EVERYTHING):
        config = HarmonizerConfig(**fields)
        assert parameter_count(config) == sum(p.numel() for p in build_network(config).parameters())
    eyes = [parameter_count(HarmonizerConfig(layout="maps", eye=eye)) for eye in (True, False)]
    assert 3.2e6 < eyes[0] - eyes[1] < 3.7e6  # EfficientNet-Lite0 without its classifier, and what reads it


def test_wider_stages_make_a_wider_network() -> None:
    narrow, wide = (HarmonizerConfig(layout="maps", stages=s) for s in ((24, 40, 64, 128), (48, 80, 128, 256)))
    assert 3 < parameter_count(wide) / parameter_count(narrow) < 4
    image, mask = scene()
    assert build_network(replace(wide, view=64)).eval()(image, mask).image.shape == image.shape


@pytest.mark.parametrize("size", [(64, 64), (96, 160), (64, 512), (256, 128)], ids=str)
@pytest.mark.parametrize("eye_view", [0, 96])
def test_other_resolutions(eye_view: int, size: tuple[int, int]) -> None:
    net = lively(**EVERYTHING | {"eye_view": eye_view})
    shown: list[tuple[int, int]] = []
    assert net.eye is not None
    net.eye.register_forward_pre_hook(lambda _, given: shown.append(tuple(given[0].shape[-2:])))
    image, mask = scene(*size)
    with torch.inference_mode():
        output = net(image, mask, return_attention=True)
    side = min(96, max(size))  # enlarged, the eye would see no more
    assert shown == [(side, side) if eye_view else size]
    assert output.image.shape == image.shape and bool(output.image.isfinite().all())
    assert output.maps is not None and output.maps.shape == (2, 12, size[0] // 4, size[1] // 4)
    assert output.attention["ltl32"].feature_size == (size[0] // 8, size[1] // 8)
    assert output.attention["ptl"].feature_size == (size[0] // 4, size[1] // 4)
    assert output.attention["ptl"].keys.shape[1] == 29 * 29


def test_a_batch_equals_its_singles() -> None:
    net, image, mask = double(lively(**EVERYTHING))
    both = net(image, mask)
    for n in range(2):
        alone = net(image[n : n + 1], mask[n : n + 1])
        torch.testing.assert_close(both.image[n], alone.image[0], rtol=TOLERANCE, atol=TOLERANCE)
        assert both.doubt is not None and alone.doubt is not None
        torch.testing.assert_close(both.doubt[n], alone.doubt[0], rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize(
    "fields", [{"eye": True, "overall": 16}, {"ltl": ()}, EVERYTHING], ids=["all", "ptl", "content"]
)
def test_a_reference_decides_what_is_consulted(fields: dict[str, Any]) -> None:
    net, image, mask = double(lively(**fields))
    left, right = torch.ones_like(mask), torch.ones_like(mask)
    left[..., 40:], right[..., :40] = 0, 0
    answers = [net(image, mask, reference=r) for r in (left, right, torch.ones_like(mask))]
    assert not torch.allclose(answers[0].image, answers[1].image, atol=1e-4)
    torch.testing.assert_close(answers[2].image, net(image, mask).image, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("matching", ["features", "content"])
def test_attention_is_of_what_may_be_consulted(matching: str) -> None:
    net, image, mask = double(lively(**EVERYTHING | {"matching": matching}))
    assert net(image, mask).attention == {}
    left = torch.ones_like(mask)
    left[..., 40:] = 0
    found = net(image, mask, reference=left, return_attention=True).attention
    assert set(found) == {"ltl32", "ptl"}
    for name, attention in found.items():
        heat = attention.contribution()
        torch.testing.assert_close(heat.sum((1, 2)), torch.ones(2, dtype=heat.dtype))
        closed = 40 * attention.cells.shape[3] // 64 + (name == "ptl")  # whose 16 locations are resized to 32
        assert not heat[..., closed:].any() and bool(heat[..., :closed].any()), name
        assert attention.heads == (4 if matching == "content" and name == "ltl32" else 1)


def test_layers_that_are_not_there_give_no_attention() -> None:
    image, mask = scene()
    for fields, names in (({"ltl": ()}, {"ptl"}), ({"translation": "none"}, {"ltl32"})):
        assert set(lively(**fields)(image, mask, return_attention=True).attention) == names


def test_doubt_changes_nothing_in_the_answer() -> None:
    net, image, mask = double(lively(**EVERYTHING))
    silent = MapNet(replace(net.config, doubt=False)).double().eval()
    silent.load_state_dict({k: v for k, v in net.state_dict().items() if not k.startswith("doubt.")})
    said, unsaid = net(image, mask), silent(image, mask)
    assert torch.equal(said.image, unsaid.image) and unsaid.doubt is None
    assert said.doubt is not None and said.doubt.shape == (2,)


def test_doubt_learns_alone() -> None:
    net, image, mask = double(lively(**EVERYTHING).train())
    doubt = net(image, mask).doubt
    assert doubt is not None
    doubt.sum().backward()
    moved = {name.split(".")[0] for name, p in net.named_parameters() if p.grad is not None and bool(p.grad.any())}
    assert moved == {"doubt"}


@pytest.mark.parametrize("case", ["no foreground", "no background", "nothing may be consulted"])
@pytest.mark.parametrize("matching", ["features", "content"])
def test_pictures_without_a_task_are_finite(matching: str, case: str) -> None:
    net = lively(**EVERYTHING | {"matching": matching}).train()
    image, mask = scene()
    mask = torch.zeros_like(mask) if case == "no foreground" else torch.ones_like(mask) if "back" in case else mask
    output = net(image, mask, reference=torch.zeros_like(mask) if case == "nothing may be consulted" else None)
    assert output.doubt is not None
    (output.image.square().sum() + output.doubt.sum()).backward()
    for values in (output.image, output.maps, output.doubt, *(p.grad for p in net.parameters())):
        assert values is None or bool(values.isfinite().all())
    if case == "no foreground":
        assert torch.equal(output.image, image)


@pytest.mark.parametrize(
    ("image", "mask", "said"),
    [
        ((1, 3, 100, 64), (1, 1, 100, 64), "100"),
        ((1, 3, 64, 1056), (1, 1, 64, 1056), "1056"),
        ((1, 4, 64, 64), (1, 1, 64, 64), "4, 64"),
        ((2, 3, 64, 64), (1, 1, 64, 64), r"mask must be \(2, 1, 64, 64\)"),
    ],
)
def test_wrong_shapes_are_quoted(image: tuple[int, ...], mask: tuple[int, ...], said: str) -> None:
    with pytest.raises(InputError, match=said):
        MapNet(HarmonizerConfig(**SMALL))(torch.zeros(image), torch.zeros(mask))


def test_a_wrong_reference_is_quoted() -> None:
    image, mask = scene()
    with pytest.raises(InputError, match=r"reference must be \(2, 1, 64, 64\).*got \(2, 1, 32, 64\)"):
        lively()(image, mask, reference=mask[:, :, :32])
