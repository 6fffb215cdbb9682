"""From photographs to weights: composites, the loss, the loop, the measurements."""
