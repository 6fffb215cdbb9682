"""Pairs with a known truth, and how far an answer is from it."""
