"""Weights files that are broken, foreign or hostile, each made from a good one."""

from __future__ import annotations

import io
import json
import pickle
import random
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from regharm_core import HarmonizerConfig, HarmonizerNet, save_checkpoint

FIRST = "head.weight"  # the tensor that the entries below spoil
DIGITS = "1" * 5000  # a number that Python refuses to parse, by a plain ValueError


def good_file(folder: Path) -> Path:
    """A small but complete weights file."""
    torch.manual_seed(0)
    path = folder / "good.safetensors"
    save_checkpoint(
        HarmonizerNet(HarmonizerConfig(width=1, refine=(0, 0, 0, 0), gated=False)), path, facts={"images": 1}
    )
    return path


def split(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Header and body of a safetensors file."""
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def join(header: object, body: bytes) -> bytes:
    """A safetensors file of a header (JSON, or the bytes as they are) and a body."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def malformed(good: bytes) -> Iterator[tuple[str, bytes]]:
    """(what is wrong, the file's bytes); none of them may load."""
    header, body = split(good)
    end = len(good) - len(body)
    for keep in (0, 1, 7, 8, 9, end // 2, end - 1, end, end + 1, len(good) - 4, len(good) - 1):
        yield f"truncated to {keep} bytes", good[:keep]
    for extra in (1, 4, 4096):
        yield f"{extra} bytes too long", good + b"\0" * extra
    for length in (0, 1, end, 1 << 31, (1 << 63) - 1, (1 << 64) - 1):
        yield f"header length {length}", struct.pack("<Q", length) + good[8:]
    for name, text in _headers(header):
        yield name, join(text, body)
    for name, change in _changes():
        changed = json.loads(json.dumps(header))
        change(changed)
        yield name, join(changed, body)
    start = header[FIRST]["data_offsets"][0]
    for value in ("nan", "inf", "-inf"):
        yield f"a weight of {value}", join(header, body[:start] + struct.pack("<f", float(value)) + body[start + 4 :])
    variance = next(entry for name, entry in header.items() if name.endswith("running_var"))["data_offsets"][0]
    spoiled = body[:variance] + struct.pack("<f", -1.0) + body[variance + 4 :]
    yield "a negative variance", join(header, spoiled)
    yield "a pickle", pickle.dumps({"state_dict": list(range(1000))})
    yield "a pickle that would run a command", pickle.dumps(_Hostile())
    for name, old in (("a torch file", False), ("a torch file of the old kind", True)):
        stream = io.BytesIO()
        torch.save({"weight": torch.zeros(3)}, stream, _use_new_zipfile_serialization=not old)
        yield name, stream.getvalue()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("model.safetensors", good)
    yield "a zip file", stream.getvalue()
    yield "zeros", b"\0" * 4096
    yield "text", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 4155984\n"


def mutated(good: bytes, count: int, seed: int) -> Iterator[bytes]:
    """Seeded byte flips, splices, cuts and repeats, half of them in the header."""
    rng = random.Random(seed)
    end = len(good) - len(split(good)[1])
    for _ in range(count):
        data = bytearray(good)
        for _ in range(rng.choice((1, 1, 2, 8))):
            place = rng.randrange(end if rng.random() < 0.5 else len(data))
            kind = rng.randrange(4)
            if kind == 0:
                data[place] ^= 1 << rng.randrange(8)
            elif kind == 1:
                data[place] = rng.randrange(256)
            elif kind == 2:
                del data[place : place + rng.randrange(1, 64)]
            else:
                source = rng.randrange(len(data))
                data[place:place] = data[source : source + rng.randrange(1, 64)]
        yield bytes(data)


class _Hostile:
    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (Path("executed"),)


def _headers(header: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    text = json.dumps(header)
    yield "JSON cut short", text[:-2].encode()
    yield "a list for a header", b"[" + text.encode() + b"]"
    yield "a number for a header", b"12345678"
    yield "null for a header", b"null    "
    yield "nothing but spaces", b" " * 64
    yield "bytes that are no UTF-8", text.encode() + b"\xff\xfe"
    yield "a hundred thousand brackets", b"[" * 100_000
    yield "a repeated tensor", f"{text[:-1]}, {json.dumps(FIRST)}: {json.dumps(header[FIRST])}}}".encode()
    yield "repeated metadata", f'{text[:-1]}, "__metadata__": {{}}}}'.encode()
    yield "a number of 5,000 digits", f'{text[:-1]}, "x": {DIGITS}}}'.encode()
    yield "a lone surrogate for a name", text[:-1].encode() + b', "\\ud800": {}}'
    for size in (100_000, 4_000_000):  # parsed, lists take twenty times their text
        yield f"{size} bytes of empty lists", b"[" + b"[]," * (size // 3) + b"[]]"
        yield f"{size} bytes of empty objects", b"{" + b",".join(b'"%d":{}' % n for n in range(size // 12)) + b"}"


def _changes() -> Iterator[tuple[str, Callable[[dict[str, Any]], None]]]:
    def entry(**values: Any) -> Callable[[dict[str, Any]], None]:
        return lambda header: header[FIRST].update(values)

    def metadata(**values: Any) -> Callable[[dict[str, Any]], None]:
        return lambda header: header["__metadata__"].update(values)

    def config(**values: Any) -> Callable[[dict[str, Any]], None]:
        def change(header: dict[str, Any]) -> None:
            stored = json.loads(header["__metadata__"]["config"])
            header["__metadata__"]["config"] = json.dumps(stored | values)

        return change

    def overlapping(header: dict[str, Any]) -> None:
        header[FIRST]["data_offsets"] = [n - 4 for n in header[FIRST]["data_offsets"]]

    for dtype in ("I64", "F64", "F8_E4M3", "BOOL", "X", 7, None):
        yield f"dtype {dtype!r}", entry(dtype=dtype)
    for shape in ([1, 1], [-3, 1, 3, 3], [1 << 62, 4], [3.0], "3", None, [[3]], [1] * 9):
        yield f"shape {shape!r}", entry(shape=shape)
    for offsets in ([0], [4, 0], [-4, 0], [0, 1 << 62], ["0", "4"], [0, 4, 8], None, [True, 4]):
        yield f"offsets {offsets!r}", entry(data_offsets=offsets)
    yield "overlapping offsets", overlapping
    yield "a dtype of 100,000 letters", entry(dtype="x" * 100_000)
    yield "a shape of 30,000 sides", entry(shape=[1] * 30_000)
    yield "a shape of huge numbers", entry(shape=[int("9" * 4000)] * 4)
    yield "an entry with more to say", entry(code="import os")
    yield "an entry that is a string", lambda header: header.update({FIRST: "F32"})
    yield "a missing tensor", lambda header: header.update({"other": header.pop(FIRST)})
    yield "an extra tensor", lambda header: header.update({"other": header[FIRST]})
    yield (
        "a thousand extra tensors",
        lambda header: header.update(
            {f"x{n}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for n in range(1000)}
        ),
    )
    yield "no metadata", lambda header: header.pop("__metadata__") and None
    yield "metadata that is a list", lambda header: header.update({"__metadata__": []})
    yield "metadata that is a number", metadata(format=1)
    yield "another format", metadata(format="regharm-999")
    yield "a format of 100,000 letters", metadata(format="y" * 100_000)
    yield "facts of empty lists", metadata(facts="[" + "[]," * 20_000 + "[]]")
    for field in ("config", "facts"):
        yield f"a number of 5,000 digits in the {field}", metadata(**{field: f'{{"width": {DIGITS}}}'})
    yield "a config that is no JSON", metadata(config="{")
    yield "a config that is a list", metadata(config="[]")
    yield "a config nested without end", metadata(config="[" * 100_000)
    yield "facts that are a list", metadata(facts="[]")
    yield "facts that are no JSON", metadata(facts="{'images': 1}")
    for name, value in (("width", 2), ("width", 0), ("width", -1), ("width", 10**9), ("width", 1.5), ("width", "wide")):
        yield f"config {name} {value!r}", config(**{name: value})
    yield "config of the widest network", config(width=256, gated=True, refine=[4, 4, 4, 4], ltl=[16, 32, 64])
    yield "config width of 50,000 letters", config(width="w" * 50_000)
    yield "config with 5,000 unknown fields", config(**{f"x{n}": 0 for n in range(5000)})
    yield "config view 10**9", config(view=10**9)
    yield "config with an unknown field", config(surprise=1)
    yield "another architecture", config(gated=True)
