"""Settings of all tests: reproducible property tests, devices that reject silent transfers."""

import os

from hypothesis import HealthCheck, settings

from tests.devices import guarded_devices, on_device

__all__ = ["guarded_devices", "on_device"]

# The first call of a compiled kernel takes seconds, so no deadline; in CI the same examples are
# drawn on every run.
settings.register_profile(
    "default", deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("ci", settings.get_profile("default"), derandomize=True)
settings.register_profile("long", settings.get_profile("default"), max_examples=1000)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "default")
)
