"""The three sliders that take a change apart, shared by the nodes that find one."""

from __future__ import annotations

from comfy_api.latest import io


def sliders() -> list[io.Float.Input]:
    """The parts of the change, each with a strength of its own."""
    words = {
        "tone": "How much of the change of lightness is applied: 0 none, 1 what the network proposes, 2 twice that.",
        "colour": "The same for hue and saturation: 0 keeps the foreground's own tint, and takes over only the light.",
        "contrast": "The same for contrast: how differently light and dark places change.",
    }
    limits = {"default": 1.0, "min": 0.0, "max": 2.0, "step": 0.05, "optional": True, "advanced": True}
    return [io.Float.Input(name, tooltip=tooltip, **limits) for name, tooltip in words.items()]
