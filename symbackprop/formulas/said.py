"""Sentences about formulas: a str in English that can be told in another language as well."""

from collections.abc import Mapping

ENGLISH = "en"


class Said(str):
    """A sentence of a table, filled in. `told` gives it in another language of that table."""

    __slots__ = ("key", "table", "values")
    table: Mapping[str, Mapping[str, str]]
    key: str
    values: dict[str, object]

    def told(self, language: str) -> str:
        """The sentence in `language`; values that are sentences themselves are told in it too."""
        values = {k: v.told(language) if isinstance(v, Said) else v for k, v in self.values.items()}
        return self.table[self.key][language].format(**values)


def sentence(table: Mapping[str, Mapping[str, str]], key: str, **values: object) -> Said:
    """The sentence `key` of a table of templates by key and language."""
    made = Said(table[key][ENGLISH].format(**values))
    made.table, made.key, made.values = table, key, values
    return made
