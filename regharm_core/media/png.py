"""The two halves of a 16-bit PNG: pixels that OpenImageIO wrote, and what Pillow wrote beside its own."""

from __future__ import annotations

import io

from PIL.PngImagePlugin import ChunkStream, putchunk

SIGNATURE = b"\x89PNG\r\n\x1a\n"
PIXELS = (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS")


def with_facts(pixels: bytes, facts: bytes) -> bytes:
    """One PNG with the pixels of the first and the profile, EXIF, resolution and text of the second."""
    beside = [(name, data) for name, data in _chunks(facts) if name not in PIXELS]
    stream = io.BytesIO()
    stream.write(SIGNATURE)
    for name, data in _chunks(pixels):
        if name in PIXELS:
            putchunk(stream, name, data)
        if name == b"IHDR":
            for one in beside:
                putchunk(stream, *one)
    return stream.getvalue()


def _chunks(png: bytes) -> list[tuple[bytes, bytes]]:
    """Name and content of each part, as Pillow walks through them."""
    stream = io.BytesIO(png)
    stream.seek(len(SIGNATURE))
    found: list[tuple[bytes, bytes]] = []
    chunks = ChunkStream(stream)
    while not found or found[-1][0] != b"IEND":
        name, place, length = chunks.read()
        stream.seek(place)
        data = stream.read(length)
        chunks.crc(name, data)
        found.append((name, data))
    return found
