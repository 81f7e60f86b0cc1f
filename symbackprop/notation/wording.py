"""What documents say, in English and in Chinese: the same keys in both. {name} stands for a formula or a number put in later."""

from collections.abc import Mapping

from symbackprop.derive.kinks import Kink
from symbackprop.errors import NotationError
from symbackprop.notation import wording_beyond
from symbackprop.notation.blocks import Line

ENGLISH = {
    "title": "Derivatives of {model}",
    "subtitle": "Derived for symbolic sizes: every formula below holds for any {sizes}.",
    "subtitle needs": "Derived for symbolic sizes: every formula below holds for any {sizes} with {needs}.",
    "model": "The model",
    "model lead": "The model is a chain of equations, evaluated from top to bottom; {objective} is the objective.",
    "all equations": "All equations",
    "all results": "All results",
    "all parameters": "All parameters",
    "group": "Derivatives {first} to {last} of {count}",
    "index form of the model": "The same, entry by entry",
    "tensors": "Tensors and their shapes",
    "tensor": "tensor",
    "shape": "shape",
    "role": "role",
    "known": "known",
    "scalar": "scalar",
    "notation": "How to read the formulas",
    "notation indices": "Indices count from 1, and the letter of an index tells its axis: {letters}.",
    "notation matrix": "In matrix form {ones} is a column of ones, {odot} and {oslash} multiply and divide entry by entry, "
    "and {indicator} is 1 where the condition holds and 0 elsewhere.",
    "notation layout": "The derivative of a scalar has the shape of the variable. Any other derivative has the axes of the output, "
    "then those of the input; of a matrix the rows are outputs and the columns inputs.",
    "notation held": "{output} depends on {variable} in more than one way. {direct} is the derivative of the equation of {output} by "
    "{variable} alone, with {held} held as it is; a derivative without such brackets counts every way. So wherever brackets have names "
    "below them.",
    "gradient": "The gradient",
    "gradient lead": "The gradient is the list of all partial derivatives of the objective, one for each entry of each parameter:",
    "entry": "One entry, by the chain rule",
    "entry lead": "Take the first entry of {parameter}. The objective depends on it along one path only, so the chain rule is a single "
    "product of Jacobians:",
    "entry sums": "Between neighbours stands a sum over all axes that they share.",
    "entry unit": "Here {sign} is the column with 1 in the first place and 0 elsewhere.",
    "entry vec": "{sign} lists the entries of a matrix row by row.",
    "entry closed": "Multiplied out, with the adjoints put in place:",
    "links": "The Jacobian of every link",
    "link": "link",
    "matrix form": "matrix form",
    "index form": "index form",
    "numpy": "NumPy",
    "steps": "Step by step",
    "steps lead": "The chain rule is applied from the objective backwards. Each derivative is used, by its name, in the next one.",
    "uses": "{result} rests on the fact that {facts}.",
    "result": "result",
    "results": "The results",
    "results lead": "All derivatives of {objective}, in the order in which they are computed.",
    "results index": "Entry by entry",
    "update": "Gradient descent",
    "update lead": "A step of length {eta} against the gradient makes the objective smaller, if it is short enough:",
    "full batch": "Full batch",
    "full batch mean": "The objective is the mean of the losses of single samples, so its gradient is the mean of theirs:",
    "full batch sum": "The objective is the sum of the losses of single samples, so its gradient is the sum of theirs:",
    "stochastic": "Stochastic",
    "stochastic lead": "A random batch {batch} of {size} samples takes the place of all {n}. The step is cheaper, and right on average:",
    "stochastic coupled": "{objective} is not made of losses of single samples: what one sample counts for can depend on the others. "
    "So a batch {batch} stands for itself: its gradient is that of {own}, which is {objective} of the batch alone, and even on average "
    "it need not be the gradient by all {n}. The step is cheaper:",
    "one sample": "This model names no axis of samples. Where it is the loss of one sample, the gradients of all samples are summed "
    "(or averaged); stochastic gradient descent takes one of them, or a few, at a time.",
    "hessian": "The Hessian is the Jacobian of the gradient",
    "hessian lead": "Deriving the gradient once more gives second derivatives. With respect to {output}:",
    "hessian weight": "With respect to {parameter}, the parameter next to {output}:",
    "hessian symmetric": "The Hessian is symmetric: a block and the one with its two variables exchanged are each other's transpose.",
    "read unfolded": "A derivative of more than two axes is written as a matrix: the entries of the output go down and those "
    "of the variable across (in a Hessian those of the first variable and of the second), both row by row; {vec} lists the entries "
    "of a matrix row by row.",
    "read kron": "{kron} is the Kronecker product, the matrix of the blocks {blocks}.",
    "read commutation": "{K} is the commutation matrix: {law} for every matrix {X} of {rows} rows and {columns} columns.",
    "read row": "{slice} is row {at} of {whole}, as a column.",
    "read column": "{slice} is column {at} of {whole}.",
    "read unit": "{unit} is the column with 1 in place {at} and 0 elsewhere.",
    "read lower": "{L} has ones on and below its diagonal and zeros above.",
    "read ones": "{ones} is a column of ones.",
    "read entrywise": "{odot} and {oslash} multiply and divide entry by entry; so do powers marked with {odot}.",
    "read indicator": "{indicator} is 1 where the condition holds and 0 elsewhere.",
    "read by rows": "{op} of a matrix works on each of its rows.",
    "read prod_others": "{op} holds, for each entry, the product of all others.",
    "read max_selector": "{op} is 1 at the first of the largest entries, of each row if it is of a matrix, and 0 elsewhere.",
    "read min_selector": "{op} is 1 at the first of the smallest entries, of each row if it is of a matrix, and 0 elsewhere.",
    "no matrix": "{result} is written entry by entry, for it has no matrix form: {reason}.",
    "no matrix axes": "a tensor has more than two axes",
    "no matrix factor": "a factor has three indices, and a matrix has two",
    "no matrix crosswise": "its indices are tied crosswise as well as straight, as no Kronecker product ties them",
    "no matrix long": "multiplied out it has more terms than anybody reads",
    "no matrix shifted": "an index is shifted, or another array's entry",
    "no matrix part": "an index runs over a part of an axis",
    "no matrix condition": "a condition stands on indices",
    "no matrix number": "an index stands as a number",
    "no matrix exponent": "an exponent is no plain scalar",
    "no matrix call": "an operation has no sign for matrices",
    "no matrix slice": "a row or an entry is taken of what has no name",
    "made by": "Written by symbackprop; every step was carried out by the program, none was typed in.",
    "page derivative": "Derivative of {expression} with respect to {names}",
    "page facts": "Facts used: {facts}",
    "page kinks": "At kinks:",
    "between sentences": " ",
    "comma": ", ",
    "colon": ": ",
    "and": " and ",
    "role input": "input",
    "role label": "label",
    "role parameter": "parameter",
    "role constant": "constant",
    "role index": "index",
    "role intermediate": "computed",
    "role adjoint": "derivative",
    "role helper": "computed, for a derivative",
    "rule chain rule": "chain rule",
    "rule local derivative": "derivative of the equation",
    "rule substitution": "local derivatives put in",
    "rule delta contraction": "the delta picks one term",
    "rule distribution": "multiply out",
    "rule cancellation": "equal terms cancel",
    "rule fact": "a known fact",
    "rule factoring": "common factor",
    "rule mirror": "a function of -x is said by its value at x",
    "rule narrow sum": "what does not depend on the index leaves the sum",
    "rule merged entry": "an entry of what was merged is that of what it was made of",
    "rule limit": "where it turns both sides have the same limit",
}

CHINESE = {
    "title": "{model} 的导数",
    "subtitle": "以下推导对符号维度进行：每个公式对任意的 {sizes} 都成立。",
    "subtitle needs": "以下推导对符号维度进行：每个公式对满足 {needs} 的任意 {sizes} 都成立。",
    "model": "模型",
    "model lead": "模型是自上而下依次计算的一组方程，{objective} 是目标函数。",
    "all equations": "全部方程",
    "all results": "全部结果",
    "all parameters": "全部参数",
    "group": "第 {first} 到 {last} 个导数，共 {count} 个",
    "index form of the model": "逐元素的写法",
    "tensors": "张量与形状",
    "tensor": "张量",
    "shape": "形状",
    "role": "角色",
    "known": "已知",
    "scalar": "标量",
    "notation": "记号说明",
    "notation indices": "下标从 1 开始，下标的字母表明它所属的轴：{letters}。",
    "notation matrix": "矩阵形式中，{ones} 是元素全为 1 的列向量，{odot} 与 {oslash} 表示逐元素的乘与除，"
    "{indicator} 在条件成立处为 1，其余为 0。",
    "notation layout": "标量的导数与变量形状相同；其他导数先排输出的轴，再排输入的轴；若是矩阵，行对应输出，列对应输入。",
    "notation held": "{output} 通过不止一条途径依赖于 {variable}。{direct} 表示只对 {output} 的方程中直接出现的 {variable} 求导，"
    "而把 {held} 视为不变；没有这种括号的导数计入所有途径。凡括号右下角写有名称者皆如此。",
    "gradient": "梯度",
    "gradient lead": "梯度是目标函数对每个参数的每个元素求偏导所得的列表：",
    "entry": "用链式法则求其中一个元素",
    "entry lead": "取 {parameter} 的第一个元素。目标函数只沿一条路径依赖于它，因此链式法则就是雅可比矩阵的一个乘积：",
    "entry sums": "相邻两项之间对它们共有的轴求和。",
    "entry unit": "其中 {sign} 是第一个元素为 1、其余为 0 的列向量。",
    "entry vec": "{sign} 表示按行依次列出矩阵的元素。",
    "entry closed": "代入各中间导数并乘开，得到：",
    "links": "每一环的雅可比矩阵",
    "link": "环节",
    "matrix form": "矩阵形式",
    "index form": "下标形式",
    "numpy": "NumPy",
    "steps": "逐步推导",
    "steps lead": "从目标函数出发反向使用链式法则，每个导数以其名字用于下一个。",
    "uses": "{result} 用到已知事实：{facts}。",
    "result": "结果",
    "results": "结果",
    "results lead": "{objective} 的全部导数，按计算顺序排列。",
    "results index": "逐元素的写法",
    "update": "梯度下降",
    "update lead": "沿梯度的反方向走步长 {eta}，只要步长足够小，目标函数就会减小：",
    "full batch": "批量梯度下降",
    "full batch mean": "目标函数是各样本损失的平均，因此它的梯度是各样本梯度的平均：",
    "full batch sum": "目标函数是各样本损失之和，因此它的梯度是各样本梯度之和：",
    "stochastic": "随机梯度下降",
    "stochastic lead": "随机抽取 {size} 个样本组成的一批 {batch} 代替全部 {n} 个样本。这样每步计算量小，并且在平均意义下是正确的：",
    "stochastic coupled": "{objective} 不是由各样本自己的损失组成的：一个样本的作用可能取决于其他样本。因此一批 {batch} 只代表它自己："
    "它的梯度是 {own}（即只由这一批算出的 {objective}）的梯度，即使在平均意义下也未必等于全部 {n} 个样本的梯度。这样每步计算量小：",
    "one sample": "这个模型没有样本轴。若目标函数是一个样本的损失，就把各样本的梯度相加（或取平均）；随机梯度下降每次只取其中一个或几个。",
    "hessian": "Hessian 矩阵是梯度的雅可比矩阵",
    "hessian lead": "对梯度再求一次导得到二阶导数。关于 {output}：",
    "hessian weight": "关于紧接 {output} 的参数 {parameter}：",
    "hessian symmetric": "Hessian 矩阵是对称的：交换两个变量所得的块互为转置。",
    "read unfolded": "轴多于两个的导数写成矩阵：行依次对应输出的元素，列依次对应变量的元素"
    "（Hessian 中行对应第一个变量，列对应第二个变量），两者都按行优先排列；{vec} 表示按行依次列出矩阵的元素。",
    "read kron": "{kron} 是克罗内克积，即由块 {blocks} 组成的矩阵。",
    "read commutation": "{K} 是交换矩阵：对任意 {rows} 行 {columns} 列的矩阵 {X} 有 {law}。",
    "read row": "{slice} 是 {whole} 的第 {at} 行，写成列向量。",
    "read column": "{slice} 是 {whole} 的第 {at} 列。",
    "read unit": "{unit} 是第 {at} 个元素为 1、其余为 0 的列向量。",
    "read lower": "{L} 在对角线及其下方为 1，上方为 0。",
    "read ones": "{ones} 是元素全为 1 的列向量。",
    "read entrywise": "{odot} 与 {oslash} 表示逐元素的乘与除；带 {odot} 的幂也是逐元素的。",
    "read indicator": "{indicator} 在条件成立处为 1，其余为 0。",
    "read by rows": "{op} 作用于矩阵的每一行。",
    "read prod_others": "{op} 的每个元素是其余所有元素的乘积。",
    "read max_selector": "{op} 在第一个最大元素处（矩阵则逐行）为 1，其余为 0。",
    "read min_selector": "{op} 在第一个最小元素处（矩阵则逐行）为 1，其余为 0。",
    "no matrix": "{result} 没有矩阵形式，故按元素写出：{reason}。",
    "no matrix axes": "有张量的轴多于两个",
    "no matrix factor": "有因子带三个下标，而矩阵只有两个",
    "no matrix crosswise": "下标既平行又交叉地相连，没有克罗内克积能这样连接",
    "no matrix long": "乘开后项数过多，难以阅读",
    "no matrix shifted": "有下标经过平移，或取自另一个数组",
    "no matrix part": "有下标只取遍一个轴的一部分",
    "no matrix condition": "条件落在下标上",
    "no matrix number": "有下标被当作数使用",
    "no matrix exponent": "有指数不是单纯的标量",
    "no matrix call": "有运算没有矩阵记号",
    "no matrix slice": "取了没有名字的量的一行或一个元素",
    "made by": "由 symbackprop 写成；每一步都由程序推导得出，没有一步是预先写入的。",
    "page derivative": "{expression} 对 {names} 的导数",
    "page facts": "用到的事实：{facts}",
    "page kinks": "在折点处：",
    "between sentences": "",
    "comma": "，",
    "colon": "：",
    "and": "与",
    "role input": "输入",
    "role label": "标签",
    "role parameter": "参数",
    "role constant": "常量",
    "role index": "索引",
    "role intermediate": "中间量",
    "role adjoint": "导数",
    "role helper": "中间量（求导用）",
    "rule chain rule": "链式法则",
    "rule local derivative": "对该方程求导",
    "rule substitution": "代入局部导数",
    "rule delta contraction": "克罗内克符号选出一项",
    "rule distribution": "乘法分配律",
    "rule cancellation": "相同项相消",
    "rule fact": "已知事实",
    "rule factoring": "提取公因子",
    "rule mirror": "用函数在 x 处的值表示它在 -x 处的值",
    "rule narrow sum": "与求和下标无关的因子移出求和号",
    "rule merged entry": "合并后张量的元素就是合并前对应的元素",
    "rule limit": "在转折处两侧极限相同",
}

ENGLISH |= wording_beyond.ENGLISH
CHINESE |= wording_beyond.CHINESE

LANGUAGES: Mapping[str, Mapping[str, str]] = {"en": ENGLISH, "zh": CHINESE}


def filled(text: str, **parts: object) -> Line:
    """The words with formulas put in for {name}."""
    found: list = []
    while "{" in text:
        before, _, rest = text.partition("{")
        name, _, text = rest.partition("}")
        value = parts[name]
        found += [before, *(value if isinstance(value, tuple) else (value,))]
    return tuple(p for p in (*found, text) if p != "")


def refusal(why: str, source: object = "", place: str = "", fix: str = "") -> NotationError:
    """That something has no matrix form, for a reason that documents say in their language: the key "no matrix <why>"."""
    error = NotationError(ENGLISH[f"no matrix {why}"], source=str(source), place=place, fix=fix)
    error.why = why
    return error


def kink_in(kink: Kink, lang: str) -> str:
    """A sentence on a kink in a language."""
    say = words(lang)
    return say["kink where" if kink.is_place else "kink of"].format(at=kink.at, told=say[f"convention {kink.convention}"])


def words(lang: str) -> Mapping[str, str]:
    """The wording of a language. Raises NotationError for one that is not there."""
    if lang not in LANGUAGES:
        raise NotationError(f"no wording in '{lang}'", fix=f"one of {', '.join(LANGUAGES)}")
    return LANGUAGES[lang]
