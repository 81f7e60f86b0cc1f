"""What is said about claims, in English and Chinese."""

from symbackprop.formulas.said import Said, sentence

WORDS: dict[str, dict[str, str]] = {
    "not read": {"en": "it could not be read: {reason}", "zh": "无法读取：{reason}"},
    "not understood": {"en": "not understood: {reason}", "zh": "无法理解：{reason}"},
    "equal": {"en": "both sides are equal at every point tried", "zh": "在所有试验点上两边相等"},
    "passed": {
        "en": "both ends are equal at every point tried; a product of derivatives between them was not compared",
        "zh": "在所有试验点上首尾两端相等；中间的导数乘积未作比较",
    },
    "time": {"en": "time ran out", "zh": "超时"},
    "simplex": {"en": "the labels sum to 1", "zh": "标签之和为 1"},
    "layout numerator": {"en": "numerator layout", "zh": "分子布局"},
    "layout denominator": {"en": "denominator layout", "zh": "分母布局"},
    "layout gradient": {"en": "the derivative of a scalar has the shape of the variable", "zh": "标量的导数与变量形状相同"},
    "loose": {"en": "rows and columns are not told apart", "zh": "不区分行向量与列向量"},
    "vec rows": {"en": "vec lists the rows of a matrix, one after the other", "zh": "vec 按行依次列出矩阵的元素"},
    "vec columns": {"en": "vec lists the columns of a matrix, one after the other", "zh": "vec 按列依次列出矩阵的元素"},
    "diagonal": {"en": "a vector beside a matrix is its diagonal matrix", "zh": "矩阵旁的向量指对角矩阵"},
    "immediate": {"en": "derivatives are immediate: other variables are held", "zh": "导数为直接偏导：其余变量视为常量"},
    "summed": {"en": "the loss of one sample is the sum of its terms, not their mean", "zh": "单个样本的损失是各项之和，而非平均"},
    "small": {"en": "= means approximately: the difference vanishes with epsilon", "zh": "等号表示近似：误差随 epsilon 消失"},
    "mended": {"en": "a missing sign is put in: {what}", "zh": "补上缺失的符号：{what}"},
    "kink": {"en": "the function has a derivative there: not at the kink", "zh": "该处可导：折点除外"},
    "last": {"en": "the layer is the last one", "zh": "该层是最后一层"},
    "star hadamard": {"en": "* multiplies entry by entry", "zh": "* 表示逐元素相乘"},
    "star matrix": {"en": "* is a matrix product", "zh": "* 表示矩阵乘法"},
    "applied": {"en": "f' * (z) is f'(z)", "zh": "f' * (z) 即 f'(z)"},
    "circle matrix": {"en": "\\circ is a matrix product", "zh": "\\circ 表示矩阵乘法"},
    "flat": {"en": "products are taken from left to right", "zh": "乘积自左向右计算"},
    "inner": {"en": "two columns side by side are their inner product", "zh": "并列的两个列向量指内积"},
    "scalars": {"en": "everything is a number", "zh": "所有量均为标量"},
    "absorbed": {"en": "the learning rate absorbs the factor {factor}", "zh": "学习率吸收了因子 {factor}"},
    "ascent": {"en": "the objective is made large", "zh": "目标函数被最大化"},
    "definition": {"en": "a definition, and its shapes fit", "zh": "这是定义，形状相符"},
    "undefined": {"en": "nothing says what {name} is, so this can only be its definition", "zh": "没有给出 {name} 的含义，只能视为其定义"},
    "stationary": {"en": "= 0 says that this is a stationary point", "zh": "等于 0 表示此处为驻点"},
    "symmetric": {"en": "symmetric: {names}", "zh": "对称：{names}"},
    "interval": {"en": "0 < {names} < 1", "zh": "0 < {names} < 1"},
    "proportional": {"en": "the left side is {ratio} times the right side everywhere", "zh": "左边处处是右边的 {ratio} 倍"},
    "slash": {"en": "all that follows a slash is divided by", "zh": "斜线之后的全部均为分母"},
    "special": {"en": "this is true only in a special case: {what}", "zh": "仅在特殊情形下成立：{what}"},
    "identity": {"en": "the functions that nothing defines are the identity", "zh": "未定义的函数为恒等函数"},
    "values": {"en": "{what}", "zh": "{what}"},
    "unbounded": {"en": "sums run over their whole axes", "zh": "求和遍历整个轴"},
    "entropy": {"en": "the loss is the binary cross entropy", "zh": "损失为二元交叉熵"},
    "meant": {"en": "{what} has one index twice, and two are meant", "zh": "{what} 中同一下标出现两次，应为两个不同的下标"},
    "unit": {"en": "the vectors have norm 1", "zh": "向量的范数为 1"},
    "before": {"en": "d of an activation is the derivative by what it is applied to", "zh": "激活值前的 d 表示对其自变量的导数"},
    "hit": {"en": "the free index is the class of the sample", "zh": "自由指标是该样本的类别"},
    "others": {"en": "the free index is not the class of the sample", "zh": "自由指标不是该样本的类别"},
    "reversed": {"en": "tensors are contracted over what they share, whatever their order", "zh": "张量按共有的轴缩并，与书写顺序无关"},
    "dot": {"en": "a dot multiplies entry by entry", "zh": "点号表示逐元素相乘"},
    "final": {"en": "the loss depends on the last step alone", "zh": "损失只依赖最后一步"},
    "einstein": {"en": "an index on the right alone is summed over", "zh": "仅在右边出现的指标表示求和"},
    "far off": {
        "en": "it does not hold as it was read, but nothing near it does either: it may have been misread",
        "zh": "按此理解不成立，但邻近的公式也都不成立：可能理解有误",
    },
    "uphill": {"en": "the step goes up the gradient: the objective grows", "zh": "这一步沿梯度上升，目标函数会变大"},
    "step factor": {"en": "the step is {factor} times the gradient step", "zh": "这一步是梯度步的 {factor} 倍"},
    "no gradient": {"en": "the step is no multiple of the gradient", "zh": "这一步不是梯度的倍数"},
    "shapes": {"en": "the shapes do not fit: {text}", "zh": "形状不符：{text}"},
    "differs": {"en": "the sides differ: {left} and {right}", "zh": "两边不等：{left} 与 {right}"},
    "differs at": {"en": "the sides differ at {where}: {left} and {right}", "zh": "在 {where} 处两边不等：{left} 与 {right}"},
    "differs by": {"en": "the left side is {ratio} times the right side", "zh": "左边是右边的 {ratio} 倍"},
    "reading": {"en": "read with {vectors}, {layout}; {shapes}", "zh": "理解为：{vectors}，{layout}；{shapes}"},
    "rows": {"en": "row vectors", "zh": "行向量"},
    "columns": {"en": "column vectors", "zh": "列向量"},
    "with cause": {"en": "{because}; likely cause: {cause}", "zh": "{because}；可能的原因：{cause}"},
    "both": {"en": "{first} and {second}", "zh": "{first}与{second}"},
    "fault": {"en": "a mistake of symbackprop itself, please report it: {what}", "zh": "symbackprop 自身的错误，请报告：{what}"},
    "padded": {"en": "indices count from 0, and what lies beyond an axis is 0", "zh": "下标从 0 开始，超出范围的项为 0"},
    "samples": {"en": "samples stand along the other axis", "zh": "样本沿另一轴排列"},
}
CAUSES = {
    "sign": ("a sign", "符号"),
    "transpose": ("a transpose", "转置"),
    "order": ("the order of factors", "因子的次序"),
    "factor": ("a factor", "因子"),
    "index": ("an index", "下标"),
    "delta": ("a Kronecker delta", "克罗内克 δ"),
    "sum": ("a sum", "求和"),
    "prime": ("a prime", "导数符号"),
    "argument": ("the argument of a function", "函数的自变量"),
    "power": ("a power", "幂次"),
    "layer": ("a layer or step", "层或时间步"),
    "name": ("one name for another", "名称混用"),
    "product": ("the kind of product", "乘法的种类"),
    "brackets": ("brackets", "括号"),
    "term": ("a term", "某一项"),
    "function": ("one function for another", "函数混用"),
}
"""Kinds of edits that mend a claim, as its likely causes."""
WORDS |= {f"cause {kind}": {"en": english, "zh": chinese} for kind, (english, chinese) in CAUSES.items()}


def caused(reason: Said, kinds: str) -> Said:
    """A reason with its likely causes, by the kinds of edits that mend it."""
    known = [say(f"cause {kind}") for kind in dict.fromkeys(kinds.split(", ")) if kind in CAUSES]
    if not known:
        return reason
    cause = known[0] if len(known) == 1 else say("both", first=known[0], second=known[1])
    return say("with cause", because=reason, cause=cause)


def say(key: str, **values: object) -> Said:
    """A sentence."""
    return sentence(WORDS, key, **values)
