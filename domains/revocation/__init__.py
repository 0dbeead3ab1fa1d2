"""Whether a served certificate was revoked: each authority's list once a day, for everybody who needs it."""
