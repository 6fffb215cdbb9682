"""What every network here is from outside: a configuration, a composite and its mask in, a harmonized composite out."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor, nn

from ..errors import InputError
from .attention import Attention
from .config import HarmonizerConfig
from .profiles import Rim
from .rim import Reading


@dataclass(frozen=True)
class HarmonizerOutput:
    """What one pass gives.

    Attributes:
        image: the harmonized composite O, B 3 H W (Eq. 7, or Eq. 6 for a direct network), not clamped. Where a rim was
            read, I in it is the composite after what the rim told.
        prediction: what the network itself drew, B 3 H W: the residual R, or the image of Eq. 6.
        attention: by module name ("ptl", "ltl16", "ltl32", "ltl64"); empty unless asked for.
        maps: the residual as local colour maps, B 12 h w (see :mod:`.maps`); None from a network that draws pixels.
        doubt: the error that the network expects of its own answer, B: the natural logarithm of the mean square over
            the foreground, in squared 8-bit values; None from a network that does not say.
        rim: what the rim told; None where none was given or the network reads none.
    """

    image: Tensor
    prediction: Tensor
    attention: dict[str, Attention] = field(default_factory=dict)
    maps: Tensor | None = None
    doubt: Tensor | None = None
    rim: Reading | None = None


class Harmonizer(nn.Module):
    """The common face of :class:`.unet.HarmonizerNet` and :class:`.mapnet.MapNet`; :func:`.build.build_network` makes
    the one that a configuration asks for."""

    config: HarmonizerConfig

    def forward(
        self,
        image: Tensor,
        mask: Tensor,
        *,
        reference: Tensor | None = None,
        return_attention: bool = False,
        within: tuple[int, int, int, int] | None = None,
        rim: Rim | None = None,
    ) -> HarmonizerOutput:
        """Harmonize at the network's own resolution.

        Args:
            image: the composite I, B 3 H W in [0, 1]; H and W multiples of 32 from 64 to 1024.
            mask: the foreground M, B 1 H W in [0, 1], 1 = foreground.
            reference: B 1 H W in [0, 1], the background that may be consulted (all of it where None).
            return_attention: also return what LTL and PTL looked at.
            within: the part that is asked for, (top, bottom, left, right) in px, such as the masks' common bounding
                box. A network that draws pixels leaves out the others, where it draws zeros; inside, the answer is
                as without. Not while batch norms learn: they would see less.
            rim: the mask's edge at the picture's own size, for a network with ``config.rim``; others do not look at it.

        Raises:
            InputError: when shapes do not fit each other or the network.
        """
        raise TypeError("a Harmonizer is made by build_network")


def check_shapes(image: Tensor, mask: Tensor, reference: Tensor | None) -> None:
    """Refuse tensors that do not fit each other or a network (see :meth:`Harmonizer.forward`)."""
    if image.ndim != 4 or image.shape[1] != 3:
        raise InputError(f"image must be B 3 H W, got {tuple(image.shape)}")
    wanted = (image.shape[0], 1, *image.shape[-2:])
    for name, weight in (("mask", mask), ("reference", reference)):
        if weight is not None and tuple(weight.shape) != wanted:
            raise InputError(f"{name} must be {wanted} to fit the image, got {tuple(weight.shape)}")
    if any(side % 32 or not 64 <= side <= 1024 for side in image.shape[-2:]):
        raise InputError(f"the network takes sides that are multiples of 32 from 64 to 1024, got {tuple(image.shape)}")
