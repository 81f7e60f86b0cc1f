"""The words of the reports on notes, in English and Chinese."""

from symbackprop.formulas.said import Said, sentence

WORDS: dict[str, dict[str, str]] = {
    "holds": {"en": "holds", "zh": "成立"},
    "holds-if": {"en": "holds under a condition", "zh": "在条件下成立"},
    "wrong": {"en": "wrong", "zh": "有误"},
    "unknown": {"en": "undecided", "zh": "无法判定"},
    "unread": {"en": "not checked", "zh": "未检查"},
    "muted": {"en": "muted", "zh": "已忽略"},
    "title": {"en": "Formula {number}: {status}", "zh": "公式 {number}：{status}"},
    "title line": {"en": "Formula {number}, line {line}: {status}", "zh": "公式 {number}（第 {line} 行）：{status}"},
    "title cell": {
        "en": "Formula {number}, cell {cell}, line {line}: {status}",
        "zh": "公式 {number}（单元格 {cell} 第 {line} 行）：{status}",
    },
    "summary": {"en": "symbackprop: {counts}", "zh": "symbackprop：{counts}"},
    "count claims": {"en": "{n} claims", "zh": "{n} 个断言"},
    "count claim": {"en": "1 claim", "zh": "1 个断言"},
    "count holds": {"en": "{n} hold", "zh": "{n} 个成立"},
    "count holds-if": {"en": "{n} hold under a condition", "zh": "{n} 个在条件下成立"},
    "count wrong": {"en": "{n} wrong", "zh": "{n} 个有误"},
    "count unknown": {"en": "{n} undecided", "zh": "{n} 个无法判定"},
    "count definition": {"en": "definitions: {n}", "zh": "定义：{n}"},
    "count muted": {"en": "muted: {n}", "zh": "已忽略：{n}"},
    "count unread": {"en": "not checked: {n}", "zh": "未检查：{n}"},
    "count no claim": {"en": "no claim: {n}", "zh": "非断言：{n}"},
    "nothing": {"en": "no claims", "zh": "没有断言"},
    "stop": {"en": ", ", "zh": "，"},
    "and": {"en": ", ", "zh": "、"},
    "pause": {"en": "; ", "zh": "；"},
    "colon": {"en": ": ", "zh": "："},
    "claim": {"en": "Claim", "zh": "断言"},
    "why": {"en": "Why", "zh": "原因"},
    "read as": {"en": "Read as", "zh": "理解为"},
    "condition": {"en": "Holds if", "zh": "成立条件"},
    "broken": {"en": "First broken link", "zh": "第一处不成立的等式"},
    "corrected": {"en": "Right would be", "zh": "正确的写法"},
    "counterexample": {"en": "Counterexample", "zh": "反例"},
    "name": {"en": "name", "zh": "名称"},
    "value": {"en": "value", "zh": "取值"},
    "entry": {"en": "entry", "zh": "分量"},
    "left": {"en": "left side", "zh": "左边"},
    "right": {"en": "right side", "zh": "右边"},
    "script": {"en": "NumPy script that shows it", "zh": "可复现的 NumPy 脚本"},
    "conventions": {"en": "Conventions of this note", "zh": "本笔记的约定"},
    "contradictions": {"en": "Contradictions", "zh": "相互矛盾之处"},
    "formulas": {"en": "formulas {numbers}", "zh": "公式 {numbers}"},
    "formulas lines": {"en": "formulas {numbers}; lines {lines}", "zh": "公式 {numbers}，第 {lines} 行"},
    "context": {"en": "What was inferred; paste it into the note and correct it", "zh": "推断出的上下文，可粘贴到笔记中并修改"},
    "not checked": {"en": "Not checked", "zh": "未检查的公式"},
    "line": {"en": "line", "zh": "行"},
    "cell": {"en": "cell", "zh": "单元格"},
    "formula": {"en": "formula", "zh": "公式"},
    "reason": {"en": "reason", "zh": "原因"},
    "headline": {"en": "Formulas of {name}, checked", "zh": "{name} 的公式检查"},
    "fine": {"en": "Nothing to remark.", "zh": "没有需要说明的公式。"},
    "made by": {"en": "Checked by symbackprop; the text is the author's, unchanged.", "zh": "由 symbackprop 检查；原文未作改动。"},
}


def say(key: str, **values: object) -> Said:
    """The sentence `key` of the table."""
    return sentence(WORDS, key, **values)


def told(what: Said | str, lang: str) -> str:
    """A sentence in a language, on one line; what is no sentence of a table is as it is."""
    return " ".join((what.told(lang) if isinstance(what, Said) else what).split())


def word(key: str, lang: str, **values: object) -> str:
    """The sentence `key` in a language."""
    return say(key, **values).told(lang)


def counted(found: dict[str, int], lang: str) -> str:
    """The counts as a line: claims by status, then what else there is."""
    statuses = ("holds", "holds-if", "wrong", "unknown")
    claims = sum(found[s] for s in statuses)
    head = word("count claim" if claims == 1 else "count claims", lang, n=claims) if claims else word("nothing", lang)
    parts = [word(f"count {s}", lang, n=found[s]) for s in statuses if found[s]]
    others = [word(f"count {s}", lang, n=found[s]) for s in ("definition", "muted", "unread", "no claim") if found[s]]
    body = word("colon", lang).join(filter(None, [head, word("stop", lang).join(parts)]))
    return word("pause", lang).join([body, *others])
