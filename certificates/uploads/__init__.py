"""Certificates from elsewhere: pasted or uploaded, read in a child process, checked, stored.

Nothing is imported here: the child's start is what an upload costs.
"""
