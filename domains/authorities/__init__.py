"""Authorities that a workspace trusts beside the public ones, for the judgement of what its domains serve."""
