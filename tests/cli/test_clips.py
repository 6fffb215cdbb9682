"""A folder of frames that share a change, or whose changes are smoothed over time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from regharm_core import harmonize, load_harmonizer
from regharm_core.cli import main


@pytest.fixture
def frames(tmp_path: Path, values: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """Five frames that get darker, each with a mask of its own; as files, and in memory."""
    for name in ("P", "M"):
        (tmp_path / name).mkdir()
    pictures, masks = list[np.ndarray](), list[np.ndarray]()
    for n in range(5):
        mask = np.zeros((40, 60), np.uint8)
        mask[10 - n : 30, 20 : 45 + n] = 255
        pictures.append((values * (1 - 0.1 * n)).astype(np.uint8))
        masks.append(mask)
        Image.fromarray(pictures[-1]).save(tmp_path / "P" / f"{n}.png")
        Image.fromarray(mask).save(tmp_path / "M" / f"{n}.png")
    stacked = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255
    return stacked, torch.from_numpy(np.stack(masks)).float()[:, None] / 255


def run(tmp_path: Path, weights: Path, *more: str) -> int:
    paths = [str(tmp_path / name) for name in ("P", "M")]
    rest = ["-o", str(tmp_path / "out"), "--weights", str(weights), "--device", "cpu", *more]
    return main(["harmonize", *paths, *rest])


@pytest.mark.parametrize("way", ["shared", "steady"])
def test_as_the_public_call_does_it(
    tmp_path: Path, weights: Path, frames: tuple[torch.Tensor, torch.Tensor], way: str
) -> None:
    assert run(tmp_path, weights, f"--{way}") == 0
    wanted = harmonize(load_harmonizer(weights), *frames, shared=way == "shared", steady=way == "steady")
    for n in range(5):
        made = np.asarray(Image.open(tmp_path / "out" / f"{n}.png")).astype(np.float32) / 255
        assert np.abs(made - wanted[n].permute(1, 2, 0).numpy()).max() < 0.6 / 255
    each = harmonize(load_harmonizer(weights), *frames)
    assert float((wanted - each).abs().max()) > 0.5 / 255


def test_a_frame_that_cannot_be_read_is_left_out(
    tmp_path: Path, weights: Path, frames: tuple[torch.Tensor, torch.Tensor], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "P" / "1.png").write_bytes(b"no picture")
    assert run(tmp_path, weights, "--shared") == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2 and "1.png" in said[0] and said[1] == "4/5 done; skipped: 1 that could not be done"
    images, masks = (part[[0, 2, 3, 4]] for part in frames)
    wanted = harmonize(load_harmonizer(weights), images, masks, shared=True)
    made = np.asarray(Image.open(tmp_path / "out" / "4.png")).astype(np.float32) / 255
    assert np.abs(made - wanted[3].permute(1, 2, 0).numpy()).max() < 0.6 / 255


def test_both_at_once_are_refused(tmp_path: Path, weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        run(tmp_path, weights, "--shared", "--steady")
    assert stopped.value.code == 2 and "not allowed with" in capsys.readouterr().err
