"""What is asked of composites that are made on the fly (:mod:`.composites`): kinds, crops, moves and chances."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import ConfigError
from .checks import check_flag, check_number, check_range
from .moves import MOVES, USUAL

CHANCES = (
    "crop", "close", "jitter", "moody", "lights", "loose", "identity", "full", "alike", "several", "graded", "fitting",
    "strong", "wrong_mask", "compressed",
)  # fmt: skip


@dataclass(frozen=True)
class CompositeConfig:
    """How composites are made.

    Attributes:
        plain, paste, inpaint: shares of the three kinds.
        crop: smallest side of a crop as a fraction of the photograph's, where the crop is random.
        close: chance that the crop is the region's bounding box instead, its sides times a number from
            ``context``: what the public call shows the network.
        context: range of that number.
        making: composites are made at this many times the network's size, drawn from [first, second]. At the
            network's own size, the mixed pixels of the edge would show it what the move was.
        jitter: chance that the whole photograph's colours are moved first (target and background alike).
        moody: share of these changes that are a mood of any depth and not a mild photographic change. A network that
            sees a photograph in its own colours again and again learns them by heart.
        lights: share of the moods, of whole photographs and of graded composites, that are two, one fading into the
            other across the picture.
        loose: how far crops are turned, stretched and shifted, 0 to 1, see :func:`.windows.draw_windows`.
        weight: range of the move's blend weight for plain and paste; inpaint takes 0.4 of it for the
            colour transfers.
        identity: chance of no move at all, so that the network learns to leave alone what fits already.
        moves: names of the colour moves that are drawn from, see :data:`.moves.MOVES`.
        full: chance that the move of a plain composite or a paste is not blended, as in iHarmony4: of the colours'
            mean and spread nothing is left then.
        alike: chance that a colour transfer's reference is a region that shows the same kind of thing
            (:mod:`.alike`), as in iHarmony4, and not any region.
        several: chance that a second region joins the foreground.
        graded: share of the fourth kind, taken from the others.
        fitting: chance that the cut-out of a graded composite has some of the mood already, from nothing to all of it;
            otherwise a network learns that what stands in a mood always needs a strong change.
        strong: chance that a photographic move is a strong one, two stops or a heavy cast.
        rough: whether masks are as people make them (three in ten a bit too wide, too narrow or feathered), or exact.
        dealt: kinds and moves are dealt out by place in the batch instead of drawn for each composite, so that an
            accelerator computes each for its share alone; it would otherwise compute all of them for all.
        wrong_mask: chance that the mask is far too wide, too narrow, shifted or a box (see :mod:`.wrong_masks`).
        compressed: chance that the composite is compressed as a whole (:mod:`.jpeg`); otherwise the photograph's own
            noise may show how far its colours were moved. What is lost in the background is part of the loss as it is
            logged, but nothing is learned from it.

    Raises:
        ConfigError: on an unknown move, or none, and on numbers out of their range.
    """

    plain: float = 0.42
    paste: float = 0.28
    inpaint: float = 0.3
    crop: float = 0.6
    close: float = 0.75
    context: tuple[float, float] = (1.25, 3.0)
    making: tuple[float, float] = (1.25, 2.2)
    native: tuple[float, float] = (1.0, 1.0)
    jitter: float = 0.5
    moody: float = 0.0
    lights: float = 0.0
    loose: float = 0.0
    weight: tuple[float, float] = (0.2, 0.85)
    identity: float = 0.03
    moves: tuple[str, ...] = USUAL
    full: float = 0.0
    alike: float = 0.0
    several: float = 0.15
    graded: float = 0.0
    fitting: float = 0.0
    strong: float = 0.0
    rough: bool = True
    wrong_mask: float = 0.0
    compressed: float = 0.0
    dealt: bool = False

    def __post_init__(self) -> None:
        if not self.moves or not set(self.moves) <= set(MOVES):
            raise ConfigError(f"moves must be some of {list(MOVES)}, got {list(self.moves)}")
        for name in ("plain", "paste", "inpaint"):
            check_number(name, getattr(self, name), 0)
        if not self.plain + self.paste + self.inpaint > 0:
            raise ConfigError("plain, paste and inpaint are all 0: no composites")
        for name in CHANCES:
            check_number(name, getattr(self, name), 0, 1)
        for name in ("native", "making", "context"):
            check_range(name, getattr(self, name), 0, above=True)
        check_range("weight", self.weight, 0, 1)
        check_flag("rough", self.rough)
        check_flag("dealt", self.dealt)
