"""What a wheel holds: every room of the core, the bundled weights, the command. The rest stands in pyproject.toml.

In the repository the weights have their own folder at the top. In a wheel that folder lies inside the core, so that an
installation adds no folder with the common name "weights". pyproject.toml could say this only with a list of all rooms:
a new room would be missing, and the archive for ComfyUI, which has no training, could not be installed.
"""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["regharm_core", "regharm_core.*"]), "regharm_core.weights"],
    package_dir={"regharm_core.weights": "weights"},
    package_data={"regharm_core.weights": ["*.safetensors", "MODEL_CARD.md"]},
    py_modules=["regharm"],
)
