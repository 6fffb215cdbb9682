"""One training run: the recipe, the loop, its state on disk, several processes."""
