"""The record of a generated module, with what is asked for beyond the gradient."""

from collections.abc import Sequence

from symbackprop.derive.reverse import Derived
from symbackprop.lower.extra_checks import check_lines
from symbackprop.lower.extras import extra_functions, with_needs
from symbackprop.lower.module_writer import ModuleWriter
from symbackprop.lower.record import ModuleText
from symbackprop.lower.spelling import Spelling


def module_record(derived: Derived, spelling: Spelling, also: Sequence[str] = ()) -> ModuleText:
    """The record of the module for a derivation of an objective's gradients; `also` names what it offers beyond (extras.EXTRAS).

    Raises TargetError where the derivation is not one of a scalar objective.
    """
    writer = ModuleWriter(derived, spelling)
    also = with_needs(also)
    extra = extra_functions(writer, also)
    return writer.record(also, extra, check_lines(writer, also))
