"""What renewals and deployments cost, and whether they are paid for."""
