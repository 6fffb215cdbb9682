"""Property tests that can be fed for as long as one likes: the weights reader, and the way of a picture.

hypothesis makes damage done to good files. Each target hands the work on a damaged file to ``attempt``, which says what
may become of it. ``test_fuzz.py`` runs a few examples of each; ``benchmarks.robustness`` feeds them for minutes.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from regharm_core import HarmonizerConfig, HarmonizerNet, harmonize
from regharm_core.media.masks import read_mask
from regharm_core.media.reading import read_picture
from regharm_core.store.checkpoint import load_network
from tests.media.corpus.every import ROWS
from tests.robustness.corpus import good_file, join, split

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(["dtype", "shape", "data_offsets", "config", "facts", ""])
PLACES, KINDS = st.floats(0, 1, exclude_max=True), st.sampled_from(["set", "cut", "put", "many"])
EDITS = st.lists(st.tuples(PLACES, KINDS, st.binary(max_size=24)), max_size=6)
MODES = [("RGB", "png"), ("P", "png"), ("LA", "png"), ("RGB", "jpeg"), ("CMYK", "jpeg"), ("RGB", "webp")]
MODES += [("RGBA", "webp"), ("RGB", "tiff"), ("I;16", "tiff"), ("1", "tiff")]
QUIET = settings(max_examples=60, deadline=None, database=None, derandomize=True)

Edits = list[tuple[float, str, bytes]]
Attempt = Callable[[Callable[[], object]], None]


def damaged(data: bytes, edits: Edits) -> bytes:
    """Bytes overwritten, removed, inserted, or inserted a thousand times, at places given as fractions."""
    changed = bytearray(data)
    for where, kind, new in edits:
        place = int(where * len(changed))
        if kind == "set":
            changed[place : place + len(new)] = new
        elif kind == "cut":
            del changed[place : place + len(new)]
        else:
            changed[place:place] = new * (1000 if kind == "many" else 1)
    return bytes(changed)


def weights_target(folder: Path, attempt: Attempt) -> Any:
    """Weights files: header values replaced by any JSON, and bytes damaged."""
    good = good_file(folder).read_bytes()
    header, body = split(good)
    names = st.sampled_from([*header, "__metadata__"])
    path = folder / "given.safetensors"
    load_network(folder / "good.safetensors")  # what is imported and cached on first use

    @QUIET
    @given(st.lists(st.tuples(names, FIELDS, JSON_VALUES), max_size=2), EDITS)
    def target(replaced: list[tuple[str, str, object]], edits: Edits) -> None:
        changed = json.loads(json.dumps(header))
        for name, field, value in replaced:
            if field and isinstance(changed[name], dict):
                changed[name][field] = value
            else:
                changed[name] = value
        path.write_bytes(damaged(join(changed, body) if replaced else good, edits))
        attempt(lambda: load_network(path))

    return target


def pictures_target(folder: Path, attempt: Attempt) -> Any:
    """Picture files of every format and mode, damaged, read and harmonized with a damaged mask."""
    torch.manual_seed(0)
    net = HarmonizerNet(HarmonizerConfig(width=1, refine=(0, 0, 0, 0), gated=False, view=64)).eval()
    values = np.random.default_rng(0).integers(0, 255, (40, 52, 3), dtype=np.uint8)
    files: list[tuple[str, bytes]] = []
    for mode, kind in MODES:
        stream = io.BytesIO()
        deep = Image.fromarray(values[..., 0].astype(np.uint16) * 256) if mode == "I;16" else None
        (deep or Image.fromarray(values).convert(mode)).save(stream, kind)
        files.append((kind, stream.getvalue()))
    for row in ROWS:  # what OpenImageIO reads
        if not row.refused and row.file.endswith((".tif", ".exr", ".jxl", ".dpx", ".psd", ".hdr", ".tga", "16.png")):
            row.write(folder / row.file)
            files.append((row.file.rpartition(".")[2], (folder / row.file).read_bytes()))
    some = st.sampled_from(files)

    @QUIET
    @given(some, EDITS, some, EDITS, st.floats(0, 2))
    def target(
        good: tuple[str, bytes], edits: Edits, mask_file: tuple[str, bytes], mask_edits: Edits, strength: float
    ) -> None:
        picture_path, mask_path = folder / f"picture.{good[0]}", folder / f"mask.{mask_file[0]}"
        picture_path.write_bytes(damaged(good[1], edits))
        mask_path.write_bytes(damaged(mask_file[1], mask_edits))

        def work() -> None:
            picture = read_picture(picture_path)
            mask = read_mask(mask_path, (picture.pixels.shape[2], picture.pixels.shape[3]))
            answer = harmonize(net, picture.pixels, mask, strength=strength)
            assert answer.shape == picture.pixels.shape and bool(answer.isfinite().all()), f"wrong: {answer.shape}"

        attempt(work)

    return target


TARGETS = {"weights": weights_target, "pictures": pictures_target}
