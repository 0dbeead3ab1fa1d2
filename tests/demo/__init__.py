"""The main job on real servers, through the running portal."""
