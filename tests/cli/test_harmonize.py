"""``python -m regharm_core harmonize``: formats, masks, several at once, and what goes wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from regharm_core import overlay
from regharm_core.cli import main
from tests.media.files import load, save

OUTSIDE = np.s_[0:8, 0:60]  # rows above the mask
INSIDE = np.s_[12:28, 22:43]


def run(*arguments: object) -> int:
    return main(["harmonize", *(str(a) for a in arguments), "--device", "cpu"])


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """One line on stderr and exit status 2."""
    assert run(*arguments) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and said.count("\n") == 1
    return said


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_lossless_formats_keep_the_background(
    tmp_path: Path, weights: Path, values: np.ndarray, mask: Path, suffix: str
) -> None:
    given, made = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    Image.fromarray(values).save(given, **({"lossless": True} if suffix == ".webp" else {}))
    assert run(given, mask, "-o", made, "--weights", weights) == 0
    answer = np.asarray(Image.open(made))
    assert np.array_equal(answer[OUTSIDE], values[OUTSIDE])
    assert np.abs(answer[INSIDE].astype(int) - values[INSIDE]).max() > 2


def test_jpeg(tmp_path: Path, weights: Path, values: np.ndarray, mask: Path) -> None:
    Image.fromarray(values).save(tmp_path / "in.jpg", quality=95)
    assert run(tmp_path / "in.jpg", mask, "-o", tmp_path / "out.jpg", "--weights", weights) == 0
    made = Image.open(tmp_path / "out.jpg")
    assert made.format == "JPEG" and made.size == (60, 40)


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_16_bit_keeps_its_depth(tmp_path: Path, weights: Path, values: np.ndarray, mask: Path, suffix: str) -> None:
    deep = values.astype(np.uint16) * 257 - 3
    save(tmp_path / f"in{suffix}", deep)
    assert run(tmp_path / f"in{suffix}", mask, "-o", tmp_path / f"out{suffix}", "--weights", weights) == 0
    answer = load(tmp_path / f"out{suffix}")
    assert answer.dtype == np.uint16
    assert np.array_equal(answer[OUTSIDE], deep[OUTSIDE])
    assert np.unique(answer[INSIDE] % 257).size > 2  # not 8 bits blown up


def test_exif_orientation(tmp_path: Path, weights: Path, values: np.ndarray, mask: Path) -> None:
    stored = Image.fromarray(np.ascontiguousarray(np.rot90(values)))  # turned left; "6" turns it back to the right
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Camera"
    stored.save(tmp_path / "in.png", exif=exif)
    assert run(tmp_path / "in.png", mask, "-o", tmp_path / "out.png", "--weights", weights) == 0
    made = Image.open(tmp_path / "out.png")
    assert made.size == (60, 40) and made.getexif().get(0x0112, 1) == 1 and made.getexif()[0x010F] == "Camera"
    assert np.array_equal(np.asarray(made)[OUTSIDE], values[OUTSIDE])


def test_alpha_is_kept(tmp_path: Path, weights: Path, values: np.ndarray, mask: Path) -> None:
    alpha = np.arange(40 * 60).reshape(40, 60) % 256
    both = np.dstack([values, alpha.astype(np.uint8)])
    Image.fromarray(both).save(tmp_path / "in.png")
    assert run(tmp_path / "in.png", mask, "-o", tmp_path / "out.png", "--weights", weights) == 0
    answer = np.asarray(Image.open(tmp_path / "out.png"))
    assert np.array_equal(answer[..., 3], both[..., 3]) and np.array_equal(answer[OUTSIDE], both[OUTSIDE])


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "I;16", "0 and 1", "twice the size"])
def test_masks_as_they_come(tmp_path: Path, weights: Path, values: np.ndarray, mask: Path, mode: str) -> None:
    Image.fromarray(values).save(tmp_path / "in.png")
    assert run(tmp_path / "in.png", mask, "-o", tmp_path / "expected.png", "--weights", weights) == 0
    plain = Image.open(mask)
    if mode == "RGBA":
        other = Image.merge("RGBA", [Image.new("L", plain.size, 255)] * 3 + [plain])
    elif mode == "I;16":
        other = Image.fromarray(np.asarray(plain).astype(np.uint16) * 257)
    elif mode == "0 and 1":
        other = Image.fromarray(np.asarray(plain) // 255)
    elif mode == "twice the size":
        other = plain.resize((120, 80), Image.Resampling.NEAREST)
    else:
        other = plain.convert(mode)
    other.save(tmp_path / "other.png")
    assert run(tmp_path / "in.png", tmp_path / "other.png", "-o", tmp_path / "out.png", "--weights", weights) == 0
    ours, expected = (np.asarray(Image.open(tmp_path / f"{n}.png")).astype(int) for n in ("out", "expected"))
    if mode == "twice the size":  # reduced again: the same but for the rim
        ours, expected = ours[INSIDE], expected[INSIDE]
    assert np.abs(ours - expected).max() <= 1


def test_strength_zero_is_the_input(tmp_path: Path, weights: Path, values: np.ndarray, mask: Path) -> None:
    Image.fromarray(values).save(tmp_path / "in.png")
    arguments = (tmp_path / "in.png", mask, "-o", tmp_path / "out.png", "--weights", weights)
    assert run(*arguments, "--strength", 0) == 0
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out.png")), values)


def test_attention_and_reference(tmp_path: Path, weights: Path, values: np.ndarray, mask: Path) -> None:
    Image.fromarray(values).save(tmp_path / "in.png")
    left = np.zeros((40, 60), np.uint8)
    left[:, :15] = 255
    Image.fromarray(left).save(tmp_path / "left.png")
    options = ("--weights", weights, "--attention", tmp_path / "heat.png", "--reference", tmp_path / "left.png")
    assert run(tmp_path / "in.png", mask, "-o", tmp_path / "out.png", *options) == 0
    heat = np.asarray(Image.open(tmp_path / "heat.png")).astype(int)
    picture = torch.from_numpy(values).permute(2, 0, 1)[None].float() / 255
    of = (torch.from_numpy(np.array(Image.open(mask).convert("L").resize((60, 40)))).float() / 255)[None, None]
    cold = (overlay(picture, torch.zeros(1, 1, 40, 60), mask=of)[0].permute(1, 2, 0) * 255).round().numpy()
    painted = np.abs(heat - cold).max(-1)
    assert painted[:, :14].max() > 20 and painted[:, 46:].max() <= 1


def test_several_and_folders(tmp_path: Path, weights: Path, values: np.ndarray, mask: Path, capsys) -> None:
    pictures, masks, made = tmp_path / "pictures", tmp_path / "masks", tmp_path / "made"
    pictures.mkdir()
    masks.mkdir()
    for name in ("a", "b"):
        Image.fromarray(values if name == "a" else 255 - values).save(pictures / f"{name}.png")
        Image.open(mask).save(masks / f"{name}.tif")
    (pictures / "notes.txt").write_text("no picture")
    assert run(pictures, masks, "-o", made, "--weights", weights, "--attention", tmp_path / "heat") == 0
    assert "2/2" in capsys.readouterr().err
    assert sorted(p.name for p in made.iterdir()) == ["a.png", "b.png"]
    assert sorted(p.name for p in (tmp_path / "heat").iterdir()) == ["a.png", "b.png"]
    assert run(pictures / "a.png", pictures / "b.png", mask, "-o", tmp_path / "two", "--weights", weights) == 0
    for name in ("a.png", "b.png"):
        assert (tmp_path / "two" / name).read_bytes() == (made / name).read_bytes()


def test_one_broken_picture_does_not_stop_the_others(
    tmp_path: Path, weights: Path, values: np.ndarray, mask: Path, capsys
) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    Image.fromarray(values).save(pictures / "good.png")
    (pictures / "bad.png").write_bytes(b"no picture at all")
    assert run(pictures, mask, "-o", tmp_path / "made", "--weights", weights) == 2
    assert "bad.png" in capsys.readouterr().err
    assert [p.name for p in (tmp_path / "made").iterdir()] == ["good.png"]


def test_what_cannot_be_used_is_quoted(tmp_path: Path, weights: Path, values: np.ndarray, mask: Path, capsys) -> None:
    good, made = tmp_path / "in.png", tmp_path / "out.png"
    Image.fromarray(values).save(good)
    (tmp_path / "text.png").write_text("hello")
    Image.new("L", (60, 10)).save(tmp_path / "flat.png")
    whole = good.read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "foreign.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0garbage")
    Image.fromarray(np.dstack([values, values[..., 0]])).save(tmp_path / "alpha.png")
    use = ("-o", made, "--weights", weights)
    cases: list[tuple[tuple[object, ...], str]] = [
        ((tmp_path / "gone.png", mask, *use), "gone.png"),
        ((tmp_path / "text.png", mask, *use), "text.png"),
        ((tmp_path / "cut.png", mask, *use), "cut.png"),
        ((tmp_path, "--weights", weights, "-o", made), str(tmp_path)),
        ((good, tmp_path / "flat.png", *use), "60 x 10"),
        ((good, mask, *use, "--strength", "3"), "3"),
        ((good, mask, "-o", tmp_path / "out.gif", "--weights", weights), "out.gif"),
        ((good, mask, "-o", tmp_path / "nowhere" / "out.png", "--weights", weights), "nowhere"),
        ((good, mask, "-o", made, "--weights", tmp_path / "foreign.safetensors"), "foreign.safetensors"),
        ((good, mask, "-o", made, "--weights", tmp_path / "gone.safetensors"), "gone.safetensors"),
        ((tmp_path / "alpha.png", mask, "-o", tmp_path / "out.jpg", "--weights", weights), "out.jpg"),
    ]
    before = sorted(p.name for p in tmp_path.iterdir())
    for arguments, quoted in cases:
        assert quoted in refused(capsys, *arguments)
    assert sorted(p.name for p in tmp_path.iterdir()) == before  # nothing written, whole or half


def test_an_existing_output_survives_a_failure(
    tmp_path: Path, weights: Path, values: np.ndarray, mask: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    Image.fromarray(values).save(tmp_path / "in.png")
    (tmp_path / "out.png").write_bytes(b"precious")

    write = Path.write_bytes

    def full(self: Path, data: bytes) -> None:
        write(self, data[:10])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        said = refused(capsys, tmp_path / "in.png", mask, "-o", tmp_path / "out.png", "--weights", weights)
    assert said == f"error: cannot write {tmp_path / 'out.png'}: No space left on device\n"
    assert (tmp_path / "out.png").read_bytes() == b"precious"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.png", "mask.png", "out.png"]
