"""iHarmony4 as public code keeps it, and training pictures as cameras and label tools write them."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from regharm_core import InputError
from regharm_core.media.small import read_small, read_small_mask
from regharm_core.training.data.iharmony4 import SUBSETS, is_iharmony4, list_iharmony4, subsets
from regharm_core.training.data.photographs import STORE_SIZE, load_photographs
from regharm_core.training.data.readymade import ReadyMade
from regharm_core.training.measuring.pairs import read_pairs
from regharm_core.training.measuring.validation import list_kinds

CPU = torch.device("cpu")


def lists_of_all(root: Path, *, keep: bool = False) -> None:
    """Put the subsets' lists together as RainNet's and HarmonyTransformer's code wants them."""
    for split in ("train", "test"):
        lines: list[str] = []
        for subset in SUBSETS:
            own = root / subset / f"{subset}_{split}.txt"
            lines += [f"{subset}/composite_images/{line}" for line in own.read_text().split()]
            if not keep:
                own.unlink()
        (root / f"IHD_{split}.txt").write_text("\n".join(lines) + "\n")


def test_lists_of_all_subsets(iharmony4: Path) -> None:
    trained, tested = (list_iharmony4(iharmony4, split) for split in ("train", "test"))
    lists_of_all(iharmony4)
    assert list_iharmony4(iharmony4, "train") == trained and list_iharmony4(iharmony4, "test") == tested
    assert list_iharmony4(iharmony4 / "HFlickr", "test") == [m for m in tested if m[0].startswith("HFlickr")]
    assert [kind.name for kind in list_kinds(iharmony4)] == list(SUBSETS)


def test_a_shortened_list_of_all_counts(iharmony4: Path) -> None:
    """As those do who train on a part."""
    lists_of_all(iharmony4, keep=True)
    whole = (iharmony4 / "IHD_train.txt").read_text().splitlines()
    (iharmony4 / "IHD_train.txt").write_text("\n".join(line for line in whole if "HAdobe5k" in line))
    assert {name.split("/")[0] for name, *_ in list_iharmony4(iharmony4, "train")} == {"HAdobe5k"}
    (iharmony4 / "IHD_train.txt").write_text("../HCOCO/x_1_1.jpg\nb_1_1.jpg\n")
    with pytest.raises(InputError, match=r"b_1_1.jpg.*wanted SUBSET"):
        list_iharmony4(iharmony4, "train")


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_lists_from_any_system(iharmony4: Path, ending: str, mark: bytes) -> None:
    before = list_iharmony4(iharmony4, "train")
    for subset in SUBSETS:
        listed = iharmony4 / subset / f"{subset}_train.txt"
        lines = [f"{subset}\\composite_images\\{line} " for line in listed.read_text().split()]
        listed.write_bytes(mark + ending.join(["", *lines, ""]).encode())
    assert list_iharmony4(iharmony4, "train") == before


def test_a_single_subset_under_another_name(iharmony4: Path) -> None:
    before = [paths[0].name for _, *paths in list_iharmony4(iharmony4 / "HFlickr", "train")]
    for folder, name in ((iharmony4 / "photos", "photos"), (iharmony4.parent / "my set", "my set")):
        (iharmony4 / "HFlickr").rename(folder)
        members = list_iharmony4(folder, "train")
        assert is_iharmony4(folder) and [paths[0].name for _, *paths in members] == before
        assert members[0][0].startswith(f"{name}/")
        folder.rename(iharmony4 / "HFlickr")
    (iharmony4 / "HFlickr" / "more_train.txt").touch()
    (iharmony4 / "HFlickr").rename(iharmony4 / "photos")
    with pytest.raises(InputError, match=r"several lists: HFlickr_train.txt, more_train.txt"):
        list_iharmony4(iharmony4 / "photos", "train")


def test_all_subsets_under_other_names(iharmony4: Path) -> None:
    for subset in SUBSETS:
        (iharmony4 / subset).rename(iharmony4 / f"my_{subset}")
    assert [path.name for path in subsets(iharmony4)] == sorted(f"my_{subset}" for subset in SUBSETS)
    assert len(list_iharmony4(iharmony4, "train")) == 16


def test_copies_with_other_suffixes(iharmony4: Path) -> None:
    """PNG where the lists say .jpg, a capital suffix, and what systems leave behind."""
    for path in [*(iharmony4 / "HCOCO").rglob("*.jpg")]:
        with Image.open(path) as image:
            image.save(path.with_suffix(".png"))
        path.unlink()
    for path in [*(iharmony4 / "HFlickr" / "masks").iterdir()]:
        path.rename(path.with_suffix(".PNG"))
    for room in ("composite_images", "masks", "real_images"):
        (iharmony4 / "HCOCO" / room / "Thumbs.db").touch()
        (iharmony4 / "HCOCO" / room / "._c1001.png").touch()
    members = list_iharmony4(iharmony4, "train")
    assert {paths[0].suffix for name, *paths in members if name.startswith("HCOCO")} == {".png"}
    assert len(members) == 16 and all(path.is_file() for _, *paths in members for path in paths)
    made = ReadyMade(members, CPU).batch(8, 64, torch.Generator().manual_seed(0))
    assert float(made.mask.amax()) == 1


def turned_by_a_camera(path: Path, values: np.ndarray) -> None:
    """Stored turned left, with the EXIF that turns it back."""
    exif = Image.Exif()
    exif[0x0112] = 6
    options = {"quality": 100, "subsampling": 0} if path.suffix == ".jpg" else {}
    Image.fromarray(np.ascontiguousarray(np.rot90(values))).save(path, exif=exif, **options)


def test_orientation_of_composites(iharmony4: Path, tmp_path: Path) -> None:
    """In training and in measuring; a JPEG so large that it is decoded reduced, too."""
    name, composite, mask, real = list_iharmony4(iharmony4 / "HFlickr", "test")[0]
    plain = next(iter(read_pairs(iharmony4 / "HFlickr", size=256)))
    for path in (composite, real):
        with Image.open(path) as image:
            turned_by_a_camera(path, np.asarray(image))
    pair = next(iter(read_pairs(iharmony4 / "HFlickr", size=256)))
    assert pair.name == name == plain.name
    assert float((pair.composite - plain.composite).abs().mean()) < 0.01
    assert torch.equal(pair.mask, plain.mask) and read_small_mask(mask, 64)[0].shape == (1, 64, 64)
    y, x = np.mgrid[0:900, 0:1300]
    large = np.stack([x // 6, y // 4, 0 * x + 90], axis=-1).astype(np.uint8)
    turned_by_a_camera(tmp_path / "large.jpg", large)
    small, size = read_small(tmp_path / "large.jpg", 64)
    assert size == (1300, 900)
    wanted = np.asarray(Image.fromarray(large).resize((64, 64), Image.Resampling.BILINEAR)).astype(int)
    assert np.abs(small.permute(1, 2, 0).numpy() - wanted).max() <= 6


def test_photographs_with_orientation_palettes_and_litter(tmp_path: Path) -> None:
    """A label map with a palette is its numbers, not its colours."""
    y, x = np.mgrid[0:60, 0:80]
    values = np.stack([3 * x, 4 * y, 0 * x + 90], axis=-1).astype(np.uint8)
    regions = (x > 40).astype(np.uint8) * 7
    drawn = Image.frombytes("P", (80, 60), regions.tobytes())
    drawn.putpalette(bytes(range(255, -1, -1)) * 3)
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = Image.fromarray(np.ascontiguousarray(np.rot90(values)))
    with tarfile.open(tmp_path / "set.tar", "w") as archive:
        for name, image, options in (
            ("a.webp", turned, {"format": "WEBP", "lossless": True, "exif": exif}),
            ("a.png", drawn, {"format": "PNG"}),
            ("._a.webp", None, {}),
            ("._a.png", None, {}),
        ):
            stream = io.BytesIO()
            if image is not None:
                image.save(stream, **options)
            entry = tarfile.TarInfo(name)
            entry.size = len(stream.getvalue())
            archive.addfile(entry, io.BytesIO(stream.getvalue()))
    data = load_photographs([tmp_path / "set.tar"])
    assert len(data) == 1 and set(data.labels.unique().tolist()) == {0, 7}
    wanted = np.asarray(Image.fromarray(values).resize((STORE_SIZE, STORE_SIZE), Image.Resampling.BICUBIC))
    assert np.array_equal(data.images[0].permute(1, 2, 0).numpy(), wanted)
