"""How the domain is searched: the same examples on every run.

`HYPOTHESIS_PROFILE=search` looks for new ones instead, and longer.
"""

import os

from hypothesis import settings

settings.register_profile("same-every-time", deadline=None, max_examples=200, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=5000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same-every-time"))
