"""What happened. Everybody records here, nobody below reads."""
