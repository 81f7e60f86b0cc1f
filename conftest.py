"""Settings of the whole test run: how many examples the property tests draw."""

from hypothesis import HealthCheck, settings

settings.register_profile("fast", max_examples=25, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("fuzz", max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("fast")
