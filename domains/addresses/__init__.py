"""What every address of a name serves, looked at when somebody asks."""
