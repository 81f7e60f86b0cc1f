"""What has been recorded, looked at before it becomes equations."""

from collections.abc import Sequence
from contextlib import suppress

from symbackprop.errors import SymbackpropError
from symbackprop.language.nodes import Node
from symbackprop.language.tracing.infinite import check_infinite
from symbackprop.language.tracing.values.recording import Recording


def check_recorded(roots: Sequence[Node], recording: Recording) -> None:
    """Raise the error of a value that is refused, or infinite where no exponential follows."""
    for node in recording.order(roots):
        if id(node) in recording.refusals:
            raise recording.refusals[id(node)]
    check_infinite(roots, recording)
    with suppress(SymbackpropError):  # elaboration tells it, with the equation
        recording.shape(roots[-1])
