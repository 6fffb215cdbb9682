"""The mean of several weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from regharm_core import ConfigError, HarmonizerConfig, build_network, save_checkpoint
from regharm_core.store.checkpoint import load_network
from scripts.average_weights import main, mean_state, split_share

CONFIG = HarmonizerConfig(width=2, gated=False, refine=(0, 0, 0, 0), view=64)


def saved(path: Path, config: HarmonizerConfig = CONFIG) -> dict[str, torch.Tensor]:
    net = build_network(config)
    save_checkpoint(net, path, facts={"images": 7})
    return net.state_dict()


def test_the_mean_is_weighed(tmp_path: Path) -> None:
    first, second = (saved(tmp_path / name) for name in ("a.safetensors", "b.safetensors"))
    words = [str(tmp_path / "out.safetensors"), f"{tmp_path / 'a.safetensors'}:3", str(tmp_path / "b.safetensors")]
    assert main([*words, "--set", '{"caution": 1.5}']) == 0
    net, info = load_network(tmp_path / "out.safetensors")
    assert net.config.caution == 1.5 and info.facts["images"] == 7
    for name, made in net.state_dict().items():
        if made.is_floating_point():
            torch.testing.assert_close(made, (3 * first[name] + second[name]) / 4, rtol=2e-3, atol=1e-4)


def test_other_networks_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved(tmp_path / "a.safetensors")
    saved(tmp_path / "b.safetensors", HarmonizerConfig(width=4, gated=False, refine=(0, 0, 0, 0), view=64))
    out = tmp_path / "out.safetensors"
    assert main([str(out), str(tmp_path / "a.safetensors"), str(tmp_path / "b.safetensors")]) == 1
    assert "not of one network" in capsys.readouterr().err and not out.exists()
    assert main([str(out), str(tmp_path / "a.safetensors"), "--set", '{"hat": 1}']) == 1
    assert "hat" in capsys.readouterr().err


def test_shares() -> None:
    assert split_share("a.safetensors:4") == (Path("a.safetensors"), 4.0)
    assert split_share("a.safetensors:0.5") == (Path("a.safetensors"), 0.5)
    assert split_share("C:/weights/a.safetensors") == (Path("C:/weights/a.safetensors"), 1.0)
    with pytest.raises(ConfigError, match="more than 0"):
        split_share("a.safetensors:0")


def test_whole_numbers_are_not_averaged() -> None:
    made = mean_state([{"n": torch.tensor(1)}, {"n": torch.tensor(4)}], [1, 1])
    assert made["n"].item() == 4


@pytest.mark.parametrize("change", ['{"width": 4}', '{"translation": "none"}', "5", '{"ltl": [16, 32]}'])
def test_another_network_is_not_written(tmp_path: Path, capsys: pytest.CaptureFixture[str], change: str) -> None:
    saved(tmp_path / "a.safetensors")
    out = tmp_path / "out.safetensors"
    assert main([str(out), str(tmp_path / "a.safetensors"), "--set", change]) == 1
    assert capsys.readouterr().err.startswith("error: ") and not out.exists()


def test_lists_are_taken_as_json_has_them(tmp_path: Path) -> None:
    saved(tmp_path / "a.safetensors")
    out = tmp_path / "out.safetensors"
    assert main([str(out), str(tmp_path / "a.safetensors"), "--set", '{"ltl": [32], "view": 96}']) == 0
    assert load_network(out)[0].config.view == 96
