"""The attention mechanisms in JAX, written from their formulas; `layers.py` has them as layers."""
