"""For tests of hand-written backward passes: one call that passes or fails with the margin."""

from collections.abc import Callable, Mapping
from typing import Any

from symbackprop.backward.check import check_backward


def assert_backward(
    forward: Any,
    backward: Callable | str | None = None,
    shapes: Mapping[str, str] | None = None,
    *,
    pairs: Mapping[str, str] | None = None,
    given: Mapping[str, Any] | None = None,
) -> None:
    """Raise AssertionError, with the margin and the verdicts, unless every gradient is right; arguments as of `sbp.check_backward`."""
    report = check_backward(forward, backward, shapes, pairs=pairs, given=given)
    if not report.ok:
        raise AssertionError(f"\n{report}")
