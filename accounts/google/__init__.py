"""Continue with Google: ID tokens verified here, people known by Google's `sub`.

A sign-in has three requests. The page with Google's button leaves a nonce in a cookie; Google's POST brings
a token with that nonce, but no session cookie, since it comes from another site; what the token proved is
handed over to a plain GET, where the session is.
"""
