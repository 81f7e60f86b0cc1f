"""What documents say, a module for each language: the same keys in all."""

from collections.abc import Mapping

from symbackprop.typesetting.words import en, zh

LANGUAGES: Mapping[str, Mapping[str, str]] = {"en": en.WORDS, "zh": zh.WORDS}
