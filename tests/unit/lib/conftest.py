"""How generated examples are run here."""

import hypothesis

# A busy machine is no failure: what takes too long is caught by the suite's own timeout.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")
