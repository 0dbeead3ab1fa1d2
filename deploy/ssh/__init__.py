"""SSH without models: keys, connections, commands, files. Every network socket comes from egress."""
