"""What a domain is hosted on: recognised from outside, said with its reasons, and turned into a recommended path."""
