"""What the overall branch is told of the rim: how far to trust what was read there, and whether much is left to do."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .layers import single_or_double
from .overall import COLOUR_STATISTICS, colour_statistics
from .rim import Reading

WIDTH = 64
FACTS = 3 + 12 + COLOUR_STATISTICS


class Told(nn.Module):
    """A reading -> what is added to the overall branch's first layer, and the share of the network's own maps.

    Its last layer starts at zero: it says nothing, and the maps are taken as they are.

    Args:
        hidden: width of the overall branch.
    """

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.first = nn.Linear(FACTS, WIDTH)
        self.last = nn.Linear(WIDTH, hidden + 1)
        for parameter in self.last.parameters():
            nn.init.zeros_(parameter)

    def forward(self, reading: Reading, image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """
        Args:
            reading: of the rim.
            image: the composite before it was changed by that, B 3 H W in [0, 1].
            mask: B 1 H W, the foreground.

        Returns:
            B hidden, and B 1 1 1 in (0, 2).
        """
        errors = [reading.error / 4 - 1, reading.before / 4 - 1, reading.error - reading.before]
        colours = colour_statistics(single_or_double(image), single_or_double(mask))
        facts = torch.cat([torch.stack(errors, dim=1), reading.maps[:, :, 0, 0] * 2, colours], dim=1)
        answer = self.last(nn.functional.leaky_relu(self.first(facts.to(self.first.weight.dtype)), 0.2))
        return answer[:, :-1], 2 * torch.sigmoid(single_or_double(answer[:, -1]))[:, None, None, None]
