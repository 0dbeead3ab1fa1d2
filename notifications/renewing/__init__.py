"""The boxes 'Notify after each renewal' of a domain; each is a rule."""
