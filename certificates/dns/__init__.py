"""DNS that works without hands: delegations to the portal's own zone, its responder, and DNS providers."""
