"""The rows of Tables 2 to 5: which network each of them is, and what the paper prints beside it.

Rows of different tables that are the same network share one entry of :data:`NETWORKS` and are trained once.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import ConfigError
from ...network.config import HarmonizerConfig

PAPER_WIDTH = 32  # C of Table 5


@dataclass(frozen=True)
class Printed:
    """What the paper says of a row on iHarmony4 at 256 px: PSNR in dB, MSE and fMSE on 0..255."""

    psnr: float
    mse: float
    fmse: float


@dataclass(frozen=True)
class Line:
    """One printed row.

    Attributes:
        table: its number, 2 to 5.
        label: how the paper names it.
        network: key of :data:`NETWORKS`.
        printed: quality.
        memory: MB that the module takes in training (Tables 3 and 4).
        parameters: millions (Table 5).
    """

    table: int
    label: str
    network: str
    printed: Printed
    memory: int | None = None
    parameters: float | None = None


def _network(
    *,
    ltl: tuple[int, ...] = (),
    attention: tuple[int, ...] = (),
    translation: str = "none",
    blocks: tuple[int, int] = (8, 32),
    residual: bool = True,
    times: int = 1,
    temperature: float = 1.0,
) -> HarmonizerConfig:
    values = {
        "width": PAPER_WIDTH * times,
        "ltl": ltl,
        "self_attention": attention,
        "translation": translation,
        "ptl_patch": blocks[0],
        "ptl_stride": blocks[1],
        "residual": residual,
        "temperature": temperature,
    }
    return HarmonizerConfig.from_dict(values)


NETWORKS: dict[str, HarmonizerConfig] = {
    "base": _network(residual=False),
    "rbase": _network(),
    "ltl-32": _network(ltl=(32,)),
    "self-attention": _network(attention=(32,)),
    "adain": _network(translation="rain"),
    "ptl-8-32": _network(translation="ptl"),
    "ltl-ptl": _network(ltl=(32,), translation="ptl"),
    "ltl-16": _network(ltl=(16,)),
    "ltl-64": _network(ltl=(64,)),
    "ltl-all": _network(ltl=(16, 32, 64)),
    "ptl-4-4": _network(translation="ptl", blocks=(4, 4)),
    "ptl-4-8": _network(translation="ptl", blocks=(4, 8)),
    "ptl-4-16": _network(translation="ptl", blocks=(4, 16)),
    "ptl-8-8": _network(translation="ptl", blocks=(8, 8)),
    "ptl-8-16": _network(translation="ptl", blocks=(8, 16)),
    "ltl-ptl-2c": _network(ltl=(32,), translation="ptl", times=2),
    "ltl-ptl-3c": _network(ltl=(32,), translation="ptl", times=3),
    "ltl-ptl-4c": _network(ltl=(32,), translation="ptl", times=4),
}

# Extra networks for a claim that does not hold; they are no rows of the paper. The tokens of blocks are smaller than
# those of locations, so at the usual temperature PTL starts by looking at all blocks alike.
PROBES: dict[str, HarmonizerConfig] = {
    "ptl-8-32-printed": _network(translation="ptl", temperature=0.177),  # Eq. 4 to the letter where C is 32
}

# Table 2 prints for "RBase + LTL" what Table 3 prints for LTL at all three levels, to every digit, while the
# final model has it at 32 only (its parameters say so too). Both networks are rows here.
LINES: tuple[Line, ...] = (
    Line(2, "Base", "base", Printed(37.27, 30.84, 330.88)),
    Line(2, "RBase", "rbase", Printed(37.41, 29.27, 318.22)),
    Line(2, "RBase + LTL", "ltl-all", Printed(37.66, 27.00, 307.38)),
    Line(2, "RBase + Self-Attention", "self-attention", Printed(37.48, 29.03, 315.57)),
    Line(2, "RBase + AdaIN", "adain", Printed(37.37, 28.48, 317.39)),
    Line(2, "RBase + PTL", "ptl-8-32", Printed(37.70, 27.40, 299.70)),
    Line(2, "RBase + LTL + PTL", "ltl-ptl", Printed(37.97, 25.16, 282.69)),
    Line(2, "RBase-p + LTL + PTL", "ltl-ptl-4c", Printed(38.57, 21.43, 248.12)),
    Line(3, "16x16", "ltl-16", Printed(37.44, 28.91, 319.31), memory=97),
    Line(3, "32x32", "ltl-32", Printed(37.57, 28.38, 312.06), memory=120),
    Line(3, "64x64", "ltl-64", Printed(37.57, 27.67, 311.69), memory=379),
    Line(3, "All", "ltl-all", Printed(37.66, 27.00, 307.38), memory=410),
    Line(4, "1/4, 1/4", "ptl-4-4", Printed(37.46, 28.61, 315.05), memory=175),
    Line(4, "1/4, 1/8", "ptl-4-8", Printed(37.57, 28.65, 311.76), memory=214),
    Line(4, "1/4, 1/16", "ptl-4-16", Printed(37.61, 27.30, 305.71), memory=348),
    Line(4, "1/8, 1/8", "ptl-8-8", Printed(37.52, 27.76, 313.98), memory=169),
    Line(4, "1/8, 1/16", "ptl-8-16", Printed(37.62, 27.33, 302.55), memory=230),
    Line(4, "1/8, 1/32", "ptl-8-32", Printed(37.70, 27.40, 299.70), memory=463),
    Line(5, "C", "ltl-ptl", Printed(37.97, 25.16, 282.69), parameters=9.48),
    Line(5, "C x 2", "ltl-ptl-2c", Printed(38.35, 23.24, 261.34), parameters=37.81),
    Line(5, "C x 3", "ltl-ptl-3c", Printed(38.45, 22.83, 256.69), parameters=72.39),
    Line(5, "C x 4", "ltl-ptl-4c", Printed(38.57, 21.43, 248.12), parameters=117.42),
)


def find_network(name: str) -> HarmonizerConfig:
    """A row's or a probe's network at the paper's width.

    Raises:
        ConfigError: when there is none of that name.
    """
    known = NETWORKS | PROBES
    if name not in known:
        raise ConfigError(f"unknown row {name!r}; known are {list(known)}")
    return known[name]


def networks_of(table: int) -> list[str]:
    """Keys of a table's networks in the order of its rows.

    LTL at 32 px belongs to Table 2 as well: it is one half of the final model.
    """
    keys = [line.network for line in LINES if line.table == table]
    if table == 2:
        keys.insert(keys.index("ltl-all"), "ltl-32")
    return keys
