"""Image harmonization by matching regional references: network, weights, one public call."""

from .checkpoint import read_info, save_checkpoint
from .config import HarmonizerConfig
from .errors import CheckpointError, ConfigError, InputError, RegHarmError
from .heatmap import attention_map, overlay
from .pipeline import harmonize, load_harmonizer
from .unet import HarmonizerNet, parameter_count

__all__ = [
    "CheckpointError",
    "ConfigError",
    "HarmonizerConfig",
    "HarmonizerNet",
    "InputError",
    "RegHarmError",
    "attention_map",
    "harmonize",
    "load_harmonizer",
    "overlay",
    "parameter_count",
    "read_info",
    "save_checkpoint",
]
