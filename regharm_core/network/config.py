"""What the paper's tables vary, as one frozen, validated dataclass.

The paper says how many parameters networks of four widths have (Table 5), but not which layers. We found four layouts
of gates and extra convolutions whose counts are within 1 % of all four; the default is the first. In short trainings of
small networks (width 16, 64 px, 11,200 composites) the layouts' errors differed no more than those of one layout with
other seeds (2 %), so a layout is chosen by its speed. The time of one pass at 128 px on one CPU thread, and the error
left in percent:

- gates, refine (2, 2, 2, 2): 32.8 ms, 90.7
- no gates, (2, 4, 3, 4): 33.2 ms, 91.6
- no gates, (2, 4, 4, 0): 28.0 ms, 92.5
- no gates, (3, 1, 0, 1): 24.8 ms, 88.0
- no gates, (1, 1, 1, 0), the bundled weights', 16 % fewer parameters: 23.0 ms, 87.1
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from ..errors import ConfigError, short

Translation = Literal["none", "rain", "ptl"]
Layout = Literal["pixels", "maps"]
Matching = Literal["features", "content"]

CHANNEL_CAP = 1024  # Table 5: "expand our channel number under the restriction of 1024"
CONTEXT_SIZES = (16, 32, 64)  # decoder resolutions of Table 3, for a 256 px input
PIXELS_ONLY = ("width", "self_attention", "residual", "gated", "refine")
MAPS_ONLY = ("eye", "eye_view", "blocks", "overall", "matching", "doubt", "rim", "told")
PTL_FRACTIONS = ((4, 4), (4, 8), (4, 16), (8, 8), (8, 16), (8, 32))  # Table 4: (1/patch, 1/stride)


@dataclass(frozen=True)
class HarmonizerConfig:
    """Hyper-parameters of a network, see :func:`regharm_core.network.build.build_network`.

    Attributes:
        width: channels C of the first stage; stage k has ``min(C * 2**k, 1024)`` (Table 5). The
            paper's network is 32, its 2C, 3C and 4C are 64, 96 and 128.
        ltl: decoder resolutions, named for a 256 px input, that carry an LTL (Table 3): a subset of
            (16, 32, 64).
        self_attention: the same for plain self-attention, LTL's rival in Table 2.
        translation: what adjusts the 128 px decoder feature: "ptl" (the paper), "rain" (RainNet's
            RAIN, "AdaIN" in Table 2) or "none".
        ptl_patch, ptl_stride: PTL's patch and stride as 1/fraction of the feature (Table 4).
        residual: True for Eq. 7 (O = I + R * M), False for Eq. 6, the direct prediction of "Base".
        temperature: attention logits are divided by ``temperature * sqrt(C)``. Eq. 1 and 4 have no division; without
            one, tokens of unit variance would each look at one other token only. In short trainings 0.1 left 90.7 % of
            the error, 4 left 86.8 %, and 1 left 84.9 to 89.1 % with three seeds.
        gated: 1x1 sigmoid gates on the concatenated skip connections.
        refine: extra 3x3 convolutions at the decoder's 32, 64, 128 and 256 px levels.
        view: side in px of the copy that the network sees of a picture (the paper: 256). Levels keep
            their names: at a view of 128 the "128 px" level has 64 px.
        least: px; the box around the foreground that the public call shows gets no side smaller than this; the view's
            where 0. Smaller, what is around the object is shown larger than it is; larger, more is shown of a small
            picture.
        wider: the public call looks twice, the second time at the mirror image. By this factor the first look's box is
            smaller than asked for (but 1.25 times the foreground's at least), and the second's larger. 1 for the same
            box twice.
        least_wide: px; the second look's box gets no side smaller than this; the view's where 0. Not read where both
            looks have the same box.
        caution: how much of a small answer the public call holds back, in 8-bit values: a residual whose
            mean square over the foreground is e is multiplied by ``e / (e + caution^2)``, so that a foreground that
            fits already is hardly changed (not in the paper; 0 leaves the residual as it is). With ``doubt``, where
            the network expects an error of d, it is multiplied by ``e^4 / (e^4 + (caution^2 d)^2)``.
        layout: "pixels", the paper's U-Net, or "maps", :class:`regharm_core.network.mapnet.MapNet`. Of the fields
            above, "maps" reads ltl (none, or 32: at 1/8 of the view), translation ("ptl" at 1/4 of the view, or
            "none") with its patch and stride, temperature, view and caution; the others keep their defaults.

    The fields below are read by "maps" alone:
        stages: channels of its encoder at 1/2, 1/4, 1/8 and 1/16 of the view.
        eye: whether the network also gets the features of EfficientNet-Lite0, which is not trained further.
        eye_view: side in px of the eye's copy of the picture, a multiple of 32, but never more than the
            picture's larger side; 0 for the network's own copy.
        blocks: transformer blocks on the deepest features, see :mod:`regharm_core.network.blocks`.
        overall: width of the overall branch's perceptron, 0 for no such branch.
        matching: what LTL compares: its own features ("features", the paper) or the eye's ("content").
        doubt: whether the network also estimates its own error (needs the overall branch).
        rim: width of the rim reader's perceptrons (:mod:`regharm_core.network.rim`), 0 for no such reader. It is
            trained by itself, by ``scripts/train_rim.py``.
        told: whether the network learns together with the reader: the overall branch is then told what was taken of a
            reading and how sure that is (:mod:`regharm_core.network.told`), and less sure ones are taken as well.

    Raises:
        ConfigError: when a value is outside its range.
    """

    width: int = 32
    ltl: tuple[int, ...] = (32,)
    self_attention: tuple[int, ...] = ()
    translation: Translation = "ptl"
    ptl_patch: int = 8
    ptl_stride: int = 32
    residual: bool = True
    temperature: float = 1.0
    gated: bool = True
    refine: tuple[int, int, int, int] = (2, 2, 2, 2)
    view: int = 256
    least: int = 0
    wider: float = 1.0
    least_wide: int = 0
    caution: float = 0.0
    layout: Layout = "pixels"
    stages: tuple[int, int, int, int] = (24, 40, 64, 128)
    eye: bool = False
    eye_view: int = 0
    blocks: int = 0
    overall: int = 0
    matching: Matching = "features"
    doubt: bool = False
    rim: int = 0
    told: bool = False

    def __post_init__(self) -> None:
        _whole("width", self.width, 1, 256)
        for name in ("ltl", "self_attention"):
            sizes = getattr(self, name)
            if not isinstance(sizes, tuple) or any(type(s) is not int or s not in CONTEXT_SIZES for s in sizes):
                raise ConfigError(f"{name} must be a tuple of sizes from {CONTEXT_SIZES}, got {short(sizes)}")
            if list(sizes) != sorted(set(sizes)):
                raise ConfigError(f"{name} must be ascending without repeats, got {short(sizes)}")
        if both := set(self.ltl) & set(self.self_attention):
            raise ConfigError(f"ltl and self_attention share the sizes {sorted(both)}; a level carries one of them")
        if self.translation not in get_args(Translation):
            raise ConfigError(f"translation must be one of {get_args(Translation)}, got {short(self.translation)}")
        _whole("ptl_patch", self.ptl_patch, 4, 8)
        _whole("ptl_stride", self.ptl_stride, 4, 32)
        if (self.ptl_patch, self.ptl_stride) not in PTL_FRACTIONS:
            raise ConfigError(
                f"(ptl_patch, ptl_stride) must be one of {PTL_FRACTIONS}, got {(self.ptl_patch, self.ptl_stride)}"
            )
        for name in ("residual", "gated", "eye", "doubt", "told"):
            if type(getattr(self, name)) is not bool:
                raise ConfigError(f"{name} must be true or false, got {short(getattr(self, name))}")
        if type(self.wider) not in (int, float) or not 1 <= self.wider <= 8:
            raise ConfigError(f"wider must be a number from 1 to 8, got {short(self.wider)}")
        temperature = self.temperature
        if type(temperature) not in (int, float) or not 1e-3 <= temperature <= 1e3:
            raise ConfigError(f"temperature must be a number from 0.001 to 1000, got {short(temperature)}")
        caution = self.caution
        if type(caution) not in (int, float) or not 0 <= caution <= 64:
            raise ConfigError(f"caution must be a number from 0 to 64, got {short(caution)}")
        _four_counts("refine", self.refine)
        _whole("view", self.view, 64, 1024)
        if self.view % 32:
            raise ConfigError(f"view must be a multiple of 32, got {short(self.view)}")
        _whole("least", self.least, 0, 1024)
        _whole("least_wide", self.least_wide, 0, 1024)
        self._check_maps()

    def _check_maps(self) -> None:
        """The fields of the layout "maps"."""
        for name, known in (("layout", get_args(Layout)), ("matching", get_args(Matching))):
            if getattr(self, name) not in known:
                raise ConfigError(f"{name} must be one of {known}, got {short(getattr(self, name))}")
        _four_counts("stages", self.stages, 4, CHANNEL_CAP)
        _whole("eye_view", self.eye_view, 0, 1024)
        if self.eye_view % 32:
            raise ConfigError(f"eye_view must be a multiple of 32, got {short(self.eye_view)}")
        _whole("overall", self.overall, 0, CHANNEL_CAP)
        _whole("blocks", self.blocks, 0, 12)
        _whole("rim", self.rim, 0, 256)
        if self.blocks and self.stages[3] % 4:
            raise ConfigError(f"blocks have four heads: stages[3] must be a multiple of 4, got {short(self.stages)}")
        plain = {f.name: f.default for f in fields(self)}
        if self.layout == "pixels":
            if extra := [n for n in ("stages", *MAPS_ONLY) if getattr(self, n) != plain[n]]:
                raise ConfigError(f'{extra} belong to the layout "maps", got layout {short(self.layout)}')
            return
        if extra := [n for n in PIXELS_ONLY if getattr(self, n) != plain[n]]:
            raise ConfigError(f'{extra} belong to the layout "pixels", got layout {short(self.layout)}')
        if self.ltl not in ((), (32,)) or self.translation == "rain":
            raise ConfigError(
                f'the layout "maps" takes an ltl of () or (32,) and the translation "ptl" or "none", '
                f"got {self.ltl} and {short(self.translation)}"
            )
        if self.matching == "content" and not self.eye:
            raise ConfigError('matching "content" compares what the eye sees, and eye is false')
        if self.doubt and not self.overall:
            raise ConfigError("doubt needs the overall branch, and overall is 0")
        if self.told and not (self.overall and self.rim):
            raise ConfigError(f"told needs rim and the overall branch, got rim {self.rim} and overall {self.overall}")

    @property
    def least_box(self) -> int:
        """The smallest side in px of what the public call shows the network, where the picture has as much."""
        return self.least or self.view

    @property
    def channels(self) -> tuple[int, int, int, int, int]:
        """Channels of the stages at 256, 128, 64, 32 and 16 px (for a 256 px input)."""
        c0, c1, c2, c3, c4 = (min(self.width * 2**k, CHANNEL_CAP) for k in range(5))
        return c0, c1, c2, c3, c4

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain JSON values (tuples as lists)."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    def to_json(self) -> str:
        """One line of JSON with every field."""
        return json.dumps(self.to_dict(), sort_keys=True)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> HarmonizerConfig:
        """The inverse of :meth:`to_dict`; missing fields take their defaults, unknown ones are refused.

        Raises:
            ConfigError: on an unknown field or a value outside its range.
        """
        names = {f.name for f in fields(cls)}
        if unknown := sorted(set(values) - names):
            raise ConfigError(f"unknown configuration fields {short(unknown)}; known are {sorted(names)}")
        fitted: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return cls(**fitted)

    @classmethod
    def from_json(cls, text: str) -> HarmonizerConfig:
        """The inverse of :meth:`to_json`.

        Raises:
            ConfigError: when the text is not a JSON object or a value is outside its range.
        """
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:  # ValueError: also a number of thousands of digits
            raise ConfigError(f"the configuration is not JSON ({error}): {short(text)}") from None
        if not isinstance(values, dict):
            raise ConfigError(f"the configuration must be a JSON object, got {short(text)}")
        return cls.from_dict(values)


def _whole(name: str, value: object, low: int, high: int) -> None:
    if type(value) is not int or not low <= value <= high:
        raise ConfigError(f"{name} must be a whole number from {low} to {high}, got {short(value)}")


def _four_counts(name: str, value: object, low: int = 0, high: int = 4) -> None:
    if not isinstance(value, tuple) or len(value) != 4:
        raise ConfigError(f"{name} must be a tuple of four numbers, got {short(value)}")
    for count in value:
        _whole(name, count, low, high)
