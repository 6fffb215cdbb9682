"""Small colour profiles, made here: of a matrix and a curve, and of a table from ink to light."""

from __future__ import annotations

import struct

import numpy as np

from regharm_core.media.primaries import ADOBE_RGB, BRADFORD, REC709

DISPLAY_P3 = (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.3127, 0.3290)
D50 = np.array([0.9642, 1.0, 0.8249])
SRGB_NUMBERS = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)  # of the standard's curve
SRGB_CURVE = b"para" + struct.pack(">4xHH5i", 3, 0, *(round(v * 65536) for v in SRGB_NUMBERS))


def gamma_curve(gamma: float) -> bytes:
    """A power; 1 for linear light."""
    return b"para" + struct.pack(">4xHHi", 0, 0, round(gamma * 65536))


def to_xyz(primaries: tuple[float, ...]) -> np.ndarray:
    """Linear light in these primaries to XYZ with the white of D50, worked out step by step."""
    columns = [np.array([x / y, 1, (1 - x - y) / y]) for x, y in zip(primaries[::2], primaries[1::2], strict=True)]
    matrix = np.stack(columns[:3], axis=1)
    matrix = matrix * np.linalg.solve(matrix, columns[3])
    cones = np.diag((BRADFORD @ D50) / (BRADFORD @ columns[3]))
    return np.linalg.inv(BRADFORD) @ cones @ BRADFORD @ matrix


def rgb_profile(primaries: tuple[float, ...], curve: bytes, name: str) -> bytes:
    """A display's profile: three columns and one curve for all."""
    columns = to_xyz(primaries)
    tags = {b"desc": _text(name), b"cprt": _text("CC0"), b"wtpt": _xyz(D50)}
    tags |= {tag: _xyz(columns[:, n]) for n, tag in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))}
    tags |= {tag: curve for tag in (b"rTRC", b"gTRC", b"bTRC")}
    return _profile(b"mntrRGB XYZ ", tags)


def ink_profile() -> bytes:
    """A printer's: light in Lab for no ink and full ink of each, straight between; a warm paper and a green black."""
    corners = []
    for ink in np.ndindex(2, 2, 2, 2):
        light = (
            np.array([0.95, 0.93, 0.85])
            * np.where(ink[:3], (0.2, 0.25, 0.3), 1)
            * np.where(ink[3], (0.2, 0.35, 0.2), 1)
        )
        x, y, z = np.cbrt(to_xyz(REC709) @ light / D50)
        corners.append((116 * y - 16, 500 * (x - y), 200 * (y - z)))
    table = np.array(corners)
    encoded = np.stack([table[:, 0] * 2.55, table[:, 1] + 128, table[:, 2] + 128], axis=1).round().clip(0, 255)
    ramp = bytes(range(256))
    lut = b"mft1" + struct.pack(">4xBBBx9i", 4, 3, 2, *(65536 * n for n in (1, 0, 0, 0, 1, 0, 0, 0, 1)))
    lut += ramp * 4 + encoded.astype(np.uint8).tobytes() + ramp * 3
    return _profile(
        b"prtrCMYKLab ", {b"desc": _text("made ink"), b"cprt": _text("CC0"), b"wtpt": _xyz(D50), b"A2B0": lut}
    )


def shown_as_srgb(values: np.ndarray, primaries: tuple[float, ...], gamma: float | None) -> np.ndarray:
    """Values of a space (full scale 1) as sRGB, limited to it; the sRGB curve where no gamma is given."""
    values = values.clip(0, 1)
    curve = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    light = curve if gamma is None else values**gamma
    light = (light @ (np.linalg.inv(to_xyz(REC709)) @ to_xyz(primaries)).T).clip(0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def lab_to_srgb(light: float, a: float, b: float, half: int) -> list[float]:
    """One colour of CIE Lab (ISO 12639's numbers: a and b by 128, light to twice ``half`` less 1) as sRGB, 0 to 1."""
    light, a, b = light * 100 / (2 * half - 1), a * 128 / half, b * 128 / half
    y = (light + 16) / 116
    xyz = []
    for cube, white in zip((y + a / 500, y, y - b / 200), D50, strict=True):
        xyz.append(white * (cube**3 if cube > 6 / 29 else (116 * cube - 16) / 903.3))
    # XYZ of D50 to linear sRGB, Bradford adapted, as Bruce Lindbloom prints it.
    rows = ((3.1338561, -1.6168667, -0.4906146), (-0.9787684, 1.9161415, 0.0334540), (0.0719453, -0.2289914, 1.4052427))
    made = []
    for row in rows:
        value = min(max(sum(k * v for k, v in zip(row, xyz, strict=True)), 0), 1)
        made.append(12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055)
    return made


def _xyz(values: np.ndarray) -> bytes:
    return b"XYZ " + struct.pack(">4x3i", *(round(float(v) * 65536) for v in values))


def _text(words: str) -> bytes:
    data = words.encode("utf-16-be")
    return b"mluc" + struct.pack(">4xII2s2sII", 1, 12, b"en", b"US", len(data), 28) + data


def _profile(kind: bytes, tags: dict[bytes, bytes]) -> bytes:
    table, body, start = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for tag, data in tags.items():
        table += tag + struct.pack(">II", start + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    size = start + len(body)
    head = struct.pack(">I4sI", size, b"test", 0x04300000) + kind + struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp"
    head += struct.pack(">4xI4s4s8xI", 0, b"test", b"test", 0) + struct.pack(">3i", 63190, 65536, 54061) + b"\0" * 48
    return head[:128] + table + body


P3_PROFILE = rgb_profile(DISPLAY_P3, SRGB_CURVE, "made P3")
ADOBE_PROFILE = rgb_profile(ADOBE_RGB, gamma_curve(563 / 256), "made Adobe RGB")
LINEAR_PROFILE = rgb_profile(REC709, gamma_curve(1), "made linear")
