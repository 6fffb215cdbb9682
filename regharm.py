"""The command ``regharm``: it does what ``python -m regharm_core`` does.

A wheel asks for no other package, as ComfyUI brings torch and the rest. Where they are missing, this module says so in
one line. It cannot be a part of the core: importing any part of the core imports torch.
"""

import sys

# What is imported, and what it is called when it is installed: the extra "core" of pyproject.toml.
NEEDED = {"torch": "torch", "numpy": "numpy", "PIL": "pillow", "safetensors": "safetensors", "einops": "einops"}


def main() -> int:
    """Run the command that was typed; its exit status, or 2 and one line on stderr where a package is missing."""
    try:
        from regharm_core.__main__ import run
    except ModuleNotFoundError as error:
        if error.name not in NEEDED:
            raise
        asked = " ".join(NEEDED.values())
        sys.stderr.write(f"error: {NEEDED[error.name]} is not installed; regharm needs: pip install {asked}\n")
        return 2
    return run("regharm")
