"""How the domain is searched: the same examples on every run, under the zone data we ship."""

import os

from hypothesis import settings

import service.clock  # noqa: F401  (pins zone data to the tzdata package)

settings.register_profile("same-every-time", deadline=None, max_examples=200, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=5000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same-every-time"))
