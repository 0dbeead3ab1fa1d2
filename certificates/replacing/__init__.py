"""Replacing everything that …: chosen, planned, confirmed, and worked at a pace until the last one is proven."""
