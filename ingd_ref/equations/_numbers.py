"""Elementary functions and linear algebra for numbers of any kind.

Arrays hold floats of any precision, or as objects mpmath numbers (``mpf``) or balls
(python-flint's ``arb``). Sums and products use the arithmetic of the numbers.
"""

import numpy as np


def _special(name, *arguments):
    """Evaluate a function of SciPy, which is imported when it is first needed."""
    from scipy import special

    return getattr(special, name)(*arguments)


def _on_any_number(name, floating, ball):
    """Return a function of arrays that calls the implementation of each number's type."""

    def single(number):
        if hasattr(number, "context"):
            return getattr(number.context, name)(number)
        if hasattr(number, "rad"):
            return ball(number)
        raise TypeError(f"{name} of one {type(number).__name__} would round it to a float")

    def function(x):
        x = np.asarray(x)
        return np.frompyfunc(single, 1, 1)(x) if x.dtype == object else floating(x)

    function.__doc__ = f"Return {name}(x), entry by entry."
    return function


def _float_erf(x):
    """Sum 2/sqrt(π) e^{−x²} Σ 2ⁿ x^{2n+1}/(2n+1)!! in extended precision, which SciPy lacks."""
    if x.dtype != np.longdouble:
        return _special("erf", x)
    x = np.clip(x, -7, 7)  # 1 − erf(7) = 4e-23
    total = term = x
    for n in range(1, 200):
        term = term * 2 * x * x / (2 * n + 1)
        total = total + term
    return total * exp(-x * x) / sqrt(atan(x * 0 + 1))


exp = _on_any_number("exp", np.exp, lambda ball: ball.exp())
log = _on_any_number("log", np.log, lambda ball: ball.log())
sqrt = _on_any_number("sqrt", np.sqrt, lambda ball: ball.sqrt())
cos = _on_any_number("cos", np.cos, lambda ball: ball.cos())
sin = _on_any_number("sin", np.sin, lambda ball: ball.sin())
tanh = _on_any_number("tanh", np.tanh, lambda ball: ball.tanh())
atan = _on_any_number("atan", np.arctan, lambda ball: ball.atan())
erf = _on_any_number("erf", _float_erf, lambda ball: ball.erf())
log_gamma = _on_any_number("loggamma", lambda x: _special("gammaln", x), lambda ball: ball.lgamma())
digamma = _on_any_number("digamma", lambda x: _special("digamma", x), lambda ball: ball.digamma())


def trigamma(x):
    """Return ψ′(x), the derivative of the digamma function, as Hurwitz' ζ(2, x)."""
    if hasattr(x, "context"):
        return x.context.zeta(2, x)
    return type(x)(2).zeta(x) if hasattr(x, "rad") else _special("zeta", 2, x)


def nonnegative(number):
    """Return zero in place of a number that only rounding has made negative."""
    if hasattr(number, "rad"):
        return number.nonnegative_part()
    return number * 0 if number < 0 else number


def norm(x):
    """Return the Euclidean norm of all entries."""
    return sqrt(nonnegative(np.sum(x * x)))


def midpoints(x):
    """Return balls without their radii, which iterations blow up, and other numbers as they are."""
    middle = np.frompyfunc(lambda number: number.mid() if hasattr(number, "rad") else number, 1, 1)
    return middle(x) if x.dtype == object else x


def unit(x):
    """Return the unit of rounding of the numbers in x."""
    number = np.sum(x)  # of the widest kind in x
    if hasattr(number, "context"):
        return number.context.eps
    if hasattr(number, "rad"):
        from flint import ctx  # only balls need it

        return (number * 0 + 2) ** (1 - ctx.prec)
    return np.finfo(np.result_type(np.asarray(number), np.float32)).eps


def derivative(function, at):
    """Return ∂function/∂x, the last axis running over x, from central differences of order 8.

    Truncation is of relative size h⁸ and rounding of u/h; h = u^(1/9) leaves u^(8/9) of both.
    Balls enclose the quotient of differences, which is not the derivative itself.
    """
    at = np.asarray(at)
    columns = []
    for j in np.ndindex(at.shape):
        h = unit(at) ** (1 / 9) * (abs(at[j]) if at[j] != 0 else 1)
        columns.append(_slope(function, at, j, h))
    return np.moveaxis(np.array(columns), 0, -1)


def _slope(function, at, j, h):
    """Combine differences over h, 2h, 3h and 4h so that all errors below h⁸ cancel."""

    def difference(k):
        ahead, behind = at.copy(), at.copy()
        ahead[j], behind[j] = at[j] + k * h, at[j] - k * h
        return function(ahead) - function(behind)

    total = 672 * difference(1) - 168 * difference(2) + 32 * difference(3) - 3 * difference(4)
    return total / (840 * h)


def solve(matrix, rhs):
    """Return matrix⁻¹ rhs by Gaussian elimination with row exchanges."""
    kind = np.result_type(np.asarray(matrix), np.asarray(rhs), np.float32)
    a, b = np.array(matrix, kind), np.array(rhs, kind)
    for k in range(len(a)):
        pivot = max(range(k, len(a)), key=lambda row: abs(a[row, k]))
        if not abs(a[pivot, k]) > 0:
            raise ZeroDivisionError("the matrix is singular")
        a[[k, pivot]], b[[k, pivot]] = a[[pivot, k]], b[[pivot, k]]
        for row in range(k + 1, len(a)):
            factor = a[row, k] / a[k, k]
            a[row], b[row] = a[row] - factor * a[k], b[row] - factor * b[k]
    for k in reversed(range(len(a))):
        b[k] = (b[k] - a[k, k + 1 :] @ b[k + 1 :]) / a[k, k]
    return b


def orthonormal_columns(matrix):
    """Return an orthonormal basis of the column space, by Gram-Schmidt, every column twice."""
    basis: list[np.ndarray] = []
    for column in np.array(matrix).T:
        rest = column
        for q in (*basis, *basis):
            rest = rest - q * (q @ rest)
        # Skip a dependent column: only rounding errors remain of it.
        if norm(rest) > sqrt(unit(rest)) * norm(column):
            basis.append(rest / norm(rest))
    return np.array(basis, matrix.dtype).reshape(len(basis), len(matrix)).T


def pseudo_inverse_times(matrix, rhs):
    """Return matrix⁺ rhs for a symmetric matrix."""
    q = orthonormal_columns(matrix)
    return q @ solve(q.T @ matrix @ q, q.T @ rhs)
