"""The table of ATen ops: `ATEN` has a record for each, from the files beside this."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from symbackprop.language.torch.aten import creation, entrywise, layers, losses, products, recurrent, reductions, shapes, windows
from symbackprop.language.torch.aten.records import RECORDS

ROOMS = (entrywise, reductions, shapes, creation, products, windows, layers, losses, recurrent)
"""The files that enter records as they are imported."""

ATEN: Mapping[str, Callable] = MappingProxyType(RECORDS)
"""Each op's record by its name, without the overload: aten.add.Tensor is "add"."""
