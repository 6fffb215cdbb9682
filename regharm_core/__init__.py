"""Image harmonization by matching regional references: network, weights, one public call."""
