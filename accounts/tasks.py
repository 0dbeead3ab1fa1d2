"""Registers this room's job kinds."""
