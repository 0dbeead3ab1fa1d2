"""What people see of what happened. Reads every room; nobody imports it."""
