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
    "numbers": {"en": "everything is a number", "zh": "所有量均为标量"},
    "arrays": {"en": "this holds for numbers alone, and {names} are arrays", "zh": "仅当所有量都是标量时成立，而 {names} 是数组"},
    "some numbers": {"en": "of these, nothing says that they are arrays: {names}", "zh": "{names} 未说明是数组，按标量处理"},
    "shapes open": {
        "en": "the sides do not fit as they are read, and nothing declares the shapes of {names}",
        "zh": "按目前的理解两边形状不符，而 {names} 的形状没有给出",
    },
    "defines": {"en": "a definition", "zh": "定义"},
    "vec rows": {"en": "vec lists the rows of a matrix one after the other", "zh": "vec 按行依次列出矩阵的元素"},
    "layout numerator": {
        "en": "numerator layout: the derivative of a number by a vector is a row",
        "zh": "分子布局：标量对向量的导数是行向量",
    },
    "layout denominator": {
        "en": "denominator layout: Jacobians have a row for each variable",
        "zh": "分母布局：雅可比矩阵的每一行对应一个自变量",
    },
    "layout gradient": {
        "en": "the derivative of a number has the shape of the variable; Jacobians have a row for each output",
        "zh": "标量的导数与自变量形状相同；雅可比矩阵的每一行对应一个输出",
    },
    "vectors row": {"en": "vectors are rows", "zh": "向量为行向量"},
    "vectors column": {"en": "vectors are columns", "zh": "向量为列向量"},
    "samples rows": {"en": "each row is a sample", "zh": "每一行是一个样本"},
    "samples columns": {"en": "each column is a sample", "zh": "每一列是一个样本"},
    "reduction single": {"en": "the loss is that of one sample", "zh": "损失为单个样本的损失"},
    "reduction mean": {"en": "the loss is a mean over samples", "zh": "损失为各样本的平均"},
    "reduction sum": {"en": "the loss is a sum over samples", "zh": "损失为各样本之和"},
    "labels": {"en": "labels sum to 1", "zh": "标签之和为 1"},
    "from zero": {"en": "sums from 0 to {name} have {name} terms", "zh": "从 0 到 {name} 的求和有 {name} 项"},
    "twice": {
        "en": "{name} is defined more than once (lines {lines}); each formula is read with the definition next to it",
        "zh": "{name} 有多处定义（第 {lines} 行），每个公式按离它最近的定义理解",
    },
    "contradiction factor": {
        "en": "{name} has the factor {factor}, and the derivatives hold only without it",
        "zh": "{name} 含因子 {factor}，而这些导数只有在没有该因子时才成立",
    },
    "averaged": {
        "en": "this divides the loss of one sample by the number of its terms; formulas {numbers} hold only without {factor}",
        "zh": "这里把单个样本的损失除以了它的项数；公式 {numbers} 只有去掉 {factor} 才成立",
    },
    "contradiction shape": {
        "en": "{left} is printed the other way round than {shape} says",
        "zh": "{left} 的写法与 {shape} 的行列方向相反",
    },
    "contradiction uphill": {
        "en": "the update of {name} goes up the gradient, and a loss is to be made small",
        "zh": "{name} 的更新沿梯度上升，而损失应当减小",
    },
    "contradiction laplacian": {
        "en": "$\\Delta$ stands where the gradient $\\nabla$ is meant",
        "zh": "此处的 $\\Delta$ 应为梯度 $\\nabla$",
    },
    "laplacian": {
        "en": "$\\Delta$ is the Laplacian, a number, or an increment; a list of first derivatives is the gradient $\\nabla$",
        "zh": "$\\Delta$ 是拉普拉斯算子（一个数）或增量；一阶偏导数组成的是梯度 $\\nabla$",
    },
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
