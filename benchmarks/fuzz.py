"""Fuzz targets: the weights reader and the way from a picture file to a harmonized picture.

    python -m benchmarks.fuzz weights|pictures [--minutes 10] [--seed 0]

hypothesis turns random bytes into damage done to good files; what is neither an answer nor one of the
project's own errors is a finding, saved beside the report and raised. Minutes are the CPU's.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from regharm_core import HarmonizerConfig, HarmonizerNet, RegHarmError, harmonize
from regharm_core.cli.images import read_mask, read_picture
from regharm_core.store.checkpoint import load_network
from tests.robustness.corpus import good_file, join, split

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
EDITS = st.lists(
    st.tuples(
        st.floats(0, 1, exclude_max=True), st.sampled_from(["set", "cut", "put", "many"]), st.binary(max_size=24)
    ),
    max_size=6,
)

Target = Callable[[bytes], None]


@dataclass
class Counts:
    """What became of the inputs, and the CPU seconds of the slowest (without hypothesis' own)."""

    answers: int = 0
    errors: int = 0
    longest: float = 0.0
    quoted: int = 0  # characters of the longest message

    def count(self, work: Callable[[], object]) -> None:
        """Do it; only the project's own errors are expected."""
        began = time.process_time()
        try:
            work()
            self.answers += 1
        except RegHarmError as error:
            self.errors += 1
            self.quoted = max(self.quoted, len(str(error)))
        self.longest = max(self.longest, time.process_time() - began)


def damaged(data: bytes, edits: list[tuple[float, str, bytes]]) -> bytes:
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


def weights_target(folder: Path, counts: Counts) -> Target:
    """Header values replaced by any JSON, and bytes damaged."""
    good = good_file(folder).read_bytes()
    header, body = split(good)
    names = [*header, "__metadata__"]
    path = folder / "given.safetensors"
    load_network(folder / "good.safetensors")  # what is imported and cached on first use

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(names),
                st.sampled_from(["dtype", "shape", "data_offsets", "config", "facts", ""]),
                JSON_VALUES,
            ),
            max_size=2,
        ),
        EDITS,
    )
    def target(replaced: list[tuple[str, str, object]], edits: list[tuple[float, str, bytes]]) -> None:
        changed = json.loads(json.dumps(header))
        for name, field, value in replaced:
            if field and isinstance(changed[name], dict):
                changed[name][field] = value
            else:
                changed[name] = value
        path.write_bytes(damaged(join(changed, body) if replaced else good, edits))
        counts.count(lambda: load_network(path))

    return target.hypothesis.fuzz_one_input


def pictures_target(folder: Path, counts: Counts) -> Target:
    """Picture files of every format and mode, damaged, read and harmonized with a damaged mask."""
    torch.manual_seed(0)
    net = HarmonizerNet(HarmonizerConfig(width=1, refine=(0, 0, 0, 0), gated=False, view=64)).eval()
    values = np.random.default_rng(0).integers(0, 255, (40, 52, 3), dtype=np.uint8)
    files: list[tuple[str, bytes]] = []
    for mode, suffix in (("RGB", "png"), ("P", "png"), ("LA", "png"), ("RGB", "jpg"), ("CMYK", "jpg"), ("RGB", "webp"),
                         ("RGBA", "webp"), ("RGB", "tif"), ("I;16", "tif"), ("1", "tif")):  # fmt: skip
        stream = io.BytesIO()
        picture = Image.fromarray(values[..., 0].astype(np.uint16) * 256) if mode == "I;16" else None
        (picture or Image.fromarray(values).convert(mode)).save(
            stream, {"jpg": "jpeg", "tif": "tiff"}.get(suffix, suffix)
        )
        files.append((suffix, stream.getvalue()))

    @given(st.sampled_from(files), EDITS, st.sampled_from(files), EDITS, st.floats(0, 2))
    def target(
        given_file: tuple[str, bytes],
        edits: list[tuple[float, str, bytes]],
        mask_file: tuple[str, bytes],
        mask_edits: list[tuple[float, str, bytes]],
        strength: float,
    ) -> None:
        picture_path, mask_path = folder / f"picture.{given_file[0]}", folder / f"mask.{mask_file[0]}"
        picture_path.write_bytes(damaged(given_file[1], edits))
        mask_path.write_bytes(damaged(mask_file[1], mask_edits))

        def work() -> None:
            picture = read_picture(picture_path)
            mask = read_mask(mask_path, (picture.pixels.shape[2], picture.pixels.shape[3]))
            answer = harmonize(net, picture.pixels, mask, strength=strength)
            if answer.shape != picture.pixels.shape or not bool(answer.isfinite().all()):
                raise AssertionError(f"a wrong answer: {tuple(answer.shape)}")

        counts.count(work)

    return target.hypothesis.fuzz_one_input


def run(name: str, minutes: float, seed: int) -> dict[str, object]:
    """Feed a target for some minutes; returns what happened."""
    rng, counts = random.Random(seed), Counts()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        target = {"weights": weights_target, "pictures": pictures_target}[name](Path(folder), counts)
        until = time.process_time() + 60 * minutes
        while time.process_time() < until:
            data = rng.randbytes(rng.randrange(8, 2000))
            try:
                target(data)
            except BaseException:
                Path(f"finding-{name}.bin").write_bytes(data)
                raise
    return {
        "CPU minutes": minutes,
        "seed": seed,
        "answers": counts.answers,
        "clear errors": counts.errors,
        "anything else": 0,  # it would have been raised
        "characters of the longest message": counts.quoted,
        "CPU seconds of the slowest input": round(counts.longest, 3),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", choices=["weights", "pictures"])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(json.dumps(run(options.target, options.minutes, options.seed)))
