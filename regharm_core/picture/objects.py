"""Which parts of a mask are an object of their own, and where each of them lies.

All is decided on a coarse copy of the mask, of at most 128 cells a side. What counts are connected pieces:

- A piece with less than a fiftieth of the largest one's area is a crumb (a speck, a hair, a leaf, dirt). It bounds
  nothing and gets the change of the object that is nearest to it. A fiftieth is a seventh in height and width: what is
  smaller than that beside something else gives the network too little to judge.
- Two pieces whose gap is at most a quarter as wide as the smaller of them (the root of its area), or two cells, are
  one object. Nearer things were mostly pasted from one photograph, and the parts of one thing in two colours would be
  seen sooner than two things that share a colour change.
- The ten largest objects are told apart; the others go with the nearest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .box import Box, bounding_box, join, whole
from .levels import Levels
from .small import shrink_mask

GRID = 128  # cells of the longer side
FAINT = 0.02  # of the fullest cell: what is below it is noise
CRUMB = 0.02  # of the largest piece's area
NEAR = 0.25  # of the root of the smaller piece's area
NEAR_CELLS = 2
MOST = 10  # objects of a mask
LEAST_BACKGROUND = 0.05  # of an object's surroundings; with less it is not told apart


@dataclass(frozen=True)
class Objects:
    """What a mask holds.

    Attributes:
        levels: the mask's black and white.
        boxes: px, what counts of each object.
        places: h w, the number of the object (from 0) that each cell belongs to; None where there is one.
        covered: h w in [0, 1], the coarse mask.
    """

    levels: Levels
    boxes: list[Box]
    places: Tensor | None
    covered: Tensor


def find_objects(mask: Tensor, *, apart: bool) -> Objects:
    """Look at a 1 H W mask in [0, 1]; as one object unless ``apart``. An empty one is one object, everywhere."""
    levels = Levels.of(mask)
    size = (mask.shape[-2], mask.shape[-1])
    cell = max(max(size) / GRID, 1)
    covered = shrink_mask(mask[None], (math.ceil(size[0] / cell), math.ceil(size[1] / cell)), levels.stretch)[
        0, 0
    ].cpu()
    if not bool(covered.any()):
        return Objects(levels, [whole(mask)], None, covered)
    pieces = connected(covered > FAINT * covered.amax())
    areas = torch.zeros(int(pieces.max()) + 1).index_add(0, pieces.flatten(), covered.flatten())
    areas[0] = 0
    counting = areas >= CRUMB * areas.amax()
    counting[0] = False
    pieces = pieces * counting[pieces]
    numbers = _grouped(pieces, areas) if apart else (pieces > 0).long()
    count = int(numbers.max())
    boxes = [_box_of(numbers == n + 1, mask, levels.low) for n in range(count)]
    return Objects(levels, boxes, nearest(numbers) - 1 if count > 1 else None, covered)


def connected(there: Tensor) -> Tensor:
    """Number the connected pieces of an h w mask, also over corners: 0 where it is False, then 1, 2, ..."""
    cells = there.numel()
    labels = torch.where(there, torch.arange(1, cells + 1).view(there.shape), cells + 1)
    while True:
        before = labels
        around = -F.max_pool2d(-labels[None].float(), 3, 1, 1)[0].long()
        labels = torch.where(there, around, cells + 1)
        leads = torch.cat([torch.zeros(1, dtype=torch.long), labels.flatten(), torch.tensor([cells + 1])])
        labels = leads[leads[labels]]  # the label of the cell that a label is named after, and once more
        if torch.equal(labels, before):
            break
    found, numbers = torch.unique(labels * there, return_inverse=True)
    return numbers if int(found[0]) == 0 else numbers + 1


def nearest(numbers: Tensor) -> Tensor:
    """Every cell's own number or, where it is 0, that of the nearest cell that has one (h w, not all 0)."""
    while bool((numbers == 0).any()):
        numbers = _grown(numbers)
    return numbers


def gaps(pieces: Tensor) -> dict[tuple[int, int], int]:
    """How many cells lie between neighbouring pieces at least, up to one: the even number of ``2 t - 1`` or ``2 t``.

    Pieces grow by a cell a time, and the step at which two meet tells their distance. Such as meet nobody because
    another lies between them are not listed.
    """
    found: dict[tuple[int, int], int] = {}
    step = 0
    while True:
        for first, second in _neighbours(pieces):
            found.setdefault((first, second), 2 * step)
        if not bool((pieces == 0).any()):
            return found
        pieces, step = _grown(pieces), step + 1


def _grouped(pieces: Tensor, areas: Tensor) -> Tensor:
    """Pieces (h w, with their areas in cells) joined to objects, and those numbered from 1, the largest first."""
    if int((areas[pieces.unique()] > 0).sum()) < 2:
        return (pieces > 0).long()
    leader = list(range(len(areas)))

    def lead(piece: int) -> int:
        while leader[piece] != piece:
            piece = leader[piece]
        return piece

    for (first, second), gap in gaps(pieces).items():
        if gap <= max(NEAR_CELLS, NEAR * float(torch.minimum(areas[first], areas[second])) ** 0.5):
            leader[lead(first)] = lead(second)
    led = torch.tensor([lead(piece) for piece in range(len(areas))])
    present = [int(n) for n in led[pieces].unique() if n]
    total = torch.zeros(len(areas)).index_add(0, led, areas)
    number = torch.zeros(len(areas), dtype=torch.long)
    for place, piece in enumerate(sorted(present, key=lambda n: -float(total[n]))[:MOST]):
        number[piece] = place + 1
    return number[led[pieces]]


def _grown(numbers: Tensor) -> Tensor:
    around = F.max_pool2d(numbers[None].float(), 3, 1, 1)[0].long()
    return torch.where(numbers == 0, around, numbers)


def _neighbours(pieces: Tensor) -> list[tuple[int, int]]:
    """Pairs of pieces that touch, also over corners, the smaller number first."""
    sides = (
        (pieces[:, 1:], pieces[:, :-1]),
        (pieces[1:], pieces[:-1]),
        (pieces[1:, 1:], pieces[:-1, :-1]),
        (pieces[1:, :-1], pieces[:-1, 1:]),
    )
    pairs = torch.cat([torch.stack([a.flatten(), b.flatten()], dim=1) for a, b in sides])
    pairs = pairs[(pairs > 0).all(1) & (pairs[:, 0] != pairs[:, 1])].sort(1).values
    return [(int(a), int(b)) for a, b in pairs.unique(dim=0)]


def _box_of(cells: Tensor, mask: Tensor, low: float) -> Box:
    """The pixels above ``low`` in the cells' rectangle, to the pixel."""
    rough = bounding_box(cells[None])
    scale = [side / count for side, count in zip(mask.shape[-2:], cells.shape, strict=True)]
    top, left = math.floor(rough.top * scale[0]), math.floor(rough.left * scale[1])
    bottom, right = math.ceil(rough.bottom * scale[0]), math.ceil(rough.right * scale[1])
    inside = bounding_box(mask[:, top:bottom, left:right], low)
    return Box(top + inside.top, top + inside.bottom, left + inside.left, left + inside.right)


def surroundings_of(objects: Objects, boxes: list[Box], size: tuple[int, int]) -> bool:
    """Whether every object has background of its own in the box that is shown of it.

    Args:
        objects: of a picture of this height and width.
        boxes: what is shown of each object.
        size: px.
    """
    rows, columns = objects.covered.shape
    for box in boxes:
        part = objects.covered[
            box.top * rows // size[0] : -(-box.bottom * rows // size[0]),
            box.left * columns // size[1] : -(-box.right * columns // size[1]),
        ]
        if float((part < FAINT).float().mean()) < LEAST_BACKGROUND:
            return False
    return True


def joined(objects: Objects) -> Objects:
    """The same as one object."""
    box = objects.boxes[0]
    for other in objects.boxes[1:]:
        box = join(box, other)
    return Objects(objects.levels, [box], None, objects.covered)


def places_in(places: Tensor, box: Box, size: tuple[int, int], grid: tuple[int, int]) -> Tensor:
    """The numbers of ``places`` (over a picture of this height and width) at each place of a grid over a box of it."""
    down = (torch.arange(grid[0]) + 0.5) * (box.size[0] / grid[0]) + box.top
    across = (torch.arange(grid[1]) + 0.5) * (box.size[1] / grid[1]) + box.left
    return places_at(places, size, down[:, None], across)


def places_at(places: Tensor, size: tuple[int, int], down: Tensor, across: Tensor) -> Tensor:
    """The numbers of ``places`` (over a picture of this height and width) at rows and columns of it in px."""
    rows, columns = places.shape
    row = (down * (rows / size[0])).long().clamp(0, rows - 1)
    column = (across * (columns / size[1])).long().clamp(0, columns - 1)
    return places[row, column]
