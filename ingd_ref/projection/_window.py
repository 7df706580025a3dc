"""The projection over a window of time (P5), from samples without velocities."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ingd_ref import _checks
from ingd_ref._checks import RandomSource
from ingd_ref.backend._namespace import Array, array_namespace, device, to_backend, to_host
from ingd_ref.backend._operations import symmetrise, tile_edge, tiles
from ingd_ref.errors import DomainError, ShapeError
from ingd_ref.features import Features
from ingd_ref.projection._intervals import normal_interval
from ingd_ref.projection._samples import without_each
from ingd_ref.projection._system import System, positive_system
from ingd_ref.projection._time_bases import Polynomial, TimeBasis
from ingd_ref.projection._time_quadrature import checked_times, simpson_weights, trapezoid_weights
from ingd_ref.projection._window_samples import Groups, shrinkages, window_statistics
from ingd_ref.projection._window_weights import Power, WindowWeight

__all__ = ["WindowProjection", "WindowSystem", "window_projection", "window_system"]

RULES = {"trapezoid": trapezoid_weights, "simpson": simpson_weights}
# Largest g at the ends that counts as zero, as a share of its maximum: sin π is about an eps.
ZERO_SHARE = 1e-12


@dataclass(frozen=True, eq=False)
class WindowSystem:
    """The quadratic function ½aᵀCa + cᵀa that (P5) minimises, and (P6) with an ℓ₁ penalty.

    Coefficient (j, s), of function j of the basis and statistic s, has index j·b + s.

    Attributes
    ----------
    matrix : array (k·b, k·b)
        C = ∫ g Φ Cov[f] Φᵀ dt.
    vector : array (k·b,)
        c = ∫ (g′Φ + gΦ′) E f dt.
    basis : TimeBasis
        The k functions of Φ.
    window : tuple of float
        Its ends t₀ and t₁.
    statistics : int
        Number b of statistics.
    """

    matrix: Array
    vector: Array
    basis: TimeBasis
    window: tuple[float, float]
    statistics: int
    _moments: _WindowMoments

    def coefficients(self, flat: Array) -> Array:
        """Return coefficients (k·b,) as an array (k, b)."""
        return array_namespace(flat=flat).reshape(flat, (-1, self.statistics))

    def functions(self, times: Any) -> tuple[np.ndarray, bool]:
        """Return the basis (m, k) at times on the host, and whether there was a single time."""
        host = _checks.host_numbers(times, "times")
        if host.ndim > 1:
            raise ShapeError(f"times must be a number or have shape (m,), got {host.shape}")
        start, end = self.window
        if not np.all((host >= start) & (host <= end)):
            raise DomainError(f"θ̇(t) is known in the window from {start:g} to {end:g} only")
        tau = (np.atleast_1d(host) - start) / (end - start)
        return np.asarray(self.basis(tau)), host.ndim == 0

    def rate(self, coefficients: Array, times: Any) -> Array:
        """Return θ̇(t) for coefficients (k, b): (b,) for a number and (m, b) for times (m,)."""
        xp = array_namespace(coefficients=coefficients)
        functions, alone = self.functions(times)
        rates = xp.matmul(to_backend(functions, coefficients), coefficients)
        return rates[0, :] if alone else rates


@dataclass(frozen=True, eq=False)
class WindowProjection:
    """Velocity θ̇(t) of the natural parameters over a window, the solution of (P5).

    Attributes
    ----------
    coefficients : array (k, b)
        a of equation (P5): θ̇_s(t) = Σ_j φ_j(t) a_js.
    system : WindowSystem
        C and c, the basis and the window.
    condition : float
        2-norm condition number of C + εI with its diagonal scaled to ones.
    """

    coefficients: Array
    system: WindowSystem
    condition: float
    _solver: System
    _ridge: float

    def rate(self, times: Any) -> Array:
        """Return θ̇(t), shape (b,) for a number and (m, b) for times (m,) in the window."""
        return self.system.rate(self.coefficients, times)

    @cached_property
    def coefficient_covariance(self) -> Array:
        """Jackknife covariance of the coefficients (k·b, k·b), to first order in 1/n.

        Samples of different times count as independent, or as the same particles if they are
        coupled. It leaves out the error of the quadrature in time, which more samples at a time do
        not reduce.
        """
        xp = array_namespace(coefficients=self.coefficients)
        changes = self.system._moments.deletions(self.coefficients, self._solver)
        return symmetrise(xp, xp.matmul(xp.matrix_transpose(changes), changes))

    def standard_error(self, times: Any) -> Array:
        """Return the standard error of θ̇(t), shaped as :meth:`rate`."""
        xp = array_namespace(coefficients=self.coefficients)
        functions, alone = self.system.functions(times)
        k, b = self.coefficients.shape
        covariance = xp.reshape(self.coefficient_covariance, (k, b, k, b))
        blocks = xp.permute_dims(covariance, (0, 2, 1, 3))
        pairs = functions[:, :, None] * functions[:, None, :]
        products = to_backend(pairs.reshape(-1, k * k), self.coefficients)
        variances = xp.matmul(products, xp.reshape(xp.linalg.diagonal(blocks), (k * k, b)))
        errors = xp.sqrt(xp.where(variances > 0, variances, xp.zeros_like(variances)))
        return errors[0, :] if alone else errors

    def confidence_interval(self, times: Any, level: float = 0.95) -> tuple[Array, Array]:
        """Return the ends of normal confidence intervals for θ̇(t), shaped as :meth:`rate`.

        Parameters
        ----------
        times : float or array (m,)
            Times in the window.
        level : float, between 0 and 1
            Coverage probability. Default 0.95.

        Returns
        -------
        tuple of array
        """
        return normal_interval(self.rate(times), self.standard_error(times), level)

    def bootstrap(self, replications: int, rng: RandomSource) -> Array:
        """Return coefficients from samples drawn with replacement.

        Each time is resampled separately or, if coupled, whole particles are. It needs more than a
        handful of samples at each time: half of all replications of two samples are one sample
        twice.

        Parameters
        ----------
        replications : int ≥ 1
            Number r of replications.
        rng : numpy.random.Generator or seed
            The only source of randomness.

        Returns
        -------
        array (r, k, b)

        Raises
        ------
        SingularSystemError
            If a replication has a singular system.
        """
        rng = _checks.generator(rng)
        xp = array_namespace(coefficients=self.coefficients)
        found = []
        for _ in range(_checks.positive_integer(replications, "replications")):
            matrix, vector = self.system._moments.redrawn(rng).assembled()
            system = positive_system(xp, matrix, self._ridge, "the system of the window")
            found.append(self.system.coefficients(system.solve(-vector)))
        return xp.stack(found)


@_checks.guarded
def window_projection(
    features: Features,
    times: Any,
    samples: Any,
    *,
    basis: TimeBasis | None = None,
    weight: WindowWeight | None = None,
    weights: Any = None,
    window: tuple[float, float] | None = None,
    time_weights: Any = "trapezoid",
    ridge: float = 0.0,
    ddof: int = 0,
    coupled: bool = False,
    implementation: str = "auto",
) -> WindowProjection:
    r"""Project a moving distribution from samples at times in a window, equation (P5).

    .. math::
        \dot\theta(t) &= \Phi(t)^\top a, \quad a = -(C + \varepsilon I)^{-1} c \\
        C &= \int g\, \Phi\, \mathrm{Cov}_{q_t}[f]\, \Phi^\top dt, \qquad
        c = \int (g' \Phi + g \Phi') \, \mathbb E_{q_t} f \, dt

    Samples need neither velocities nor Jacobians of f, and may be discrete.

    Parameters
    ----------
    features : Features
        Sufficient statistics f.
    times : array (k,) or sequence of float
        Increasing times, two or more, in any spacing.
    samples : array (k, n, d) or sequence of k arrays (n, d)
        Samples at each time; their numbers may differ in a sequence.
    basis : TimeBasis, optional
        Functions of time. Default: ``Polynomial(0)``, a constant.
    weight : WindowWeight, optional
        g, zero at both ends of the window. Default: ``Power(1)``, a parabola.
    weights : array (n,) or (k, n), or sequence of k arrays (n,), optional
        Weights π of the samples, non-negative with sum one at each time. Default: 1/n.
    window : tuple of float, optional
        Ends t₀ < t₁. Default: the first and the last time.
    time_weights : {"trapezoid", "simpson"} or array (k,)
        Quadrature in time, or its weights, such as those of :func:`gauss_legendre_times`. The rules
        need samples at both ends of the window. Default ``"trapezoid"``.
    ridge : float ≥ 0
        ε. Default 0.
    ddof : {0, 1}
        Covariance divisor at each time: n (default), or n − 1, which is unbiased and better for few
        samples at each of many times.
    coupled : bool
        Whether row i is the same particle at every time, for the standard errors. Default
        ``False``: all samples are independent.
    implementation : {"auto", "readable", "fused"}
        How kernels of the features run. Default ``"auto"``.

    Returns
    -------
    WindowProjection

    Raises
    ------
    DomainError
        If times do not increase or lie outside the window, if the window is empty, or if the weight
        is negative or not zero at the ends.
    SingularSystemError
        If C is singular to working precision; the message gives its rank.

    Notes
    -----
    The mean of E f over the window, with weight g, is subtracted from E f before it is integrated.
    That does not change c, since the integral of (gΦ)′ is zero, but it removes an error of the
    quadrature. Where the θ̇(t) of a family is in the span of the basis, the result is that of
    equation (P7) up to the error of the quadrature. Source: [W25].

    Examples
    --------
    A shift with velocity 2 of two points, whose variance is 1:

    >>> import numpy as np
    >>> import ingd_ref as ir
    >>> times = np.linspace(0.0, 1.0, 9)
    >>> samples = np.array([[-1.0], [1.0]]) + 2.0 * times[:, None, None]
    >>> found = window_projection(ir.features.Monomials(1), times, samples, time_weights="simpson")
    >>> found.rate(0.5).round(12)
    array([2.])
    """
    ridge = _checks.nonnegative(ridge, "ridge")
    system = window_system(
        features,
        times,
        samples,
        basis=basis,
        weight=weight,
        weights=weights,
        window=window,
        time_weights=time_weights,
        ddof=ddof,
        coupled=coupled,
        implementation=implementation,
    )
    xp = array_namespace(matrix=system.matrix)
    solver = positive_system(xp, system.matrix, ridge, "the system of the window")
    condition = float(to_host(solver.condition))
    return WindowProjection(
        system.coefficients(solver.solve(-system.vector)), system, condition, solver, ridge
    )


@_checks.guarded
def window_system(
    features: Features,
    times: Any,
    samples: Any,
    *,
    basis: TimeBasis | None = None,
    weight: WindowWeight | None = None,
    weights: Any = None,
    window: tuple[float, float] | None = None,
    time_weights: Any = "trapezoid",
    ddof: int = 0,
    coupled: bool = False,
    implementation: str = "auto",
) -> WindowSystem:
    """Integrate C and c of equation (P5).

    :func:`sparse_window_projection` and :func:`regularisation_path` share the result.

    Parameters
    ----------
    features, times, samples, basis, weight, weights, window, time_weights, ddof, coupled,
    implementation
        As for :func:`window_projection`.

    Returns
    -------
    WindowSystem
        ``matrix`` C (k·b, k·b) and ``vector`` c (k·b,); coefficient (j, s), of function j of the
        basis and statistic s, has index j·b + s.

    Raises
    ------
    DomainError
        As for :func:`window_projection`.

    Examples
    --------
    >>> import numpy as np
    >>> import ingd_ref as ir
    >>> times = np.array([0.0, 0.5, 1.0])
    >>> samples = np.array([[-1.0], [1.0]]) + times[:, None, None]
    >>> means = ir.features.Monomials(1)
    >>> system = window_system(means, times, samples, time_weights="simpson")
    >>> system.matrix.round(12), system.vector.round(12)  # ∫ t(1 − t) dt = 1/6
    (array([[0.16666667]]), array([-0.16666667]))
    """
    basis = Polynomial(0) if basis is None else basis
    weight = Power() if weight is None else weight
    host = checked_times(times)
    start, end = _checked_window(window, host)
    tau = (host - start) / (end - start)
    masses = _time_weights(time_weights, host, (start, end))
    level, slope = _checked_weight(weight, tau)
    functions, slopes = _checked_basis(basis, tau)
    if _checks.nonnegative_integer(ddof, "ddof") > 1:
        raise DomainError(f"ddof must be 0 or 1, got {_checks.shown(ddof)}")
    groups = window_statistics(features, host.size, samples, weights, coupled, implementation)
    # d/dt = (t₁ − t₀)⁻¹ d/dτ.
    loads = _balanced(
        masses[:, None] * (slope[:, None] * functions + level[:, None] * slopes) / (end - start),
        masses * level,
    )
    like = groups.values
    phi, load, mass = (
        to_backend(np.ascontiguousarray(one), like)
        for one in (functions, loads, (masses * level)[:, None])
    )
    moments = _WindowMoments(groups, phi, load, mass, shrinkages(groups, ddof), bool(coupled))
    matrix, vector = moments.assembled()
    return WindowSystem(matrix, vector, basis, (start, end), like.shape[1], moments)


@dataclass(frozen=True, eq=False)
class _WindowMoments:
    """The integrands of C and c.

    functions (k, j) holds φ_j(t_k), loads (k, j) the balanced weights ω_k (gφ_j)′(t_k), masses (k,
    1) the weights ω_k g(t_k).
    """

    groups: Groups
    functions: Array
    loads: Array
    masses: Array
    shrinkage: Array
    coupled: bool

    def assembled(self) -> tuple[Array, Array]:
        """Return C (jb, jb) and c (jb,)."""
        groups, xp = self.groups, self.groups.xp
        means = groups.means(groups.values)
        deviations = groups.values - groups.spread(means)
        weights = groups.weights * groups.spread(self.masses / self.shrinkage)[:, 0]
        width = self.functions.shape[1] * groups.values.shape[1]
        matrix = xp.zeros((width, width), dtype=means.dtype, device=device(means))
        # A tile of samples at a time: the design has j·b columns, and no more rows than fit.
        for part in tiles(deviations.shape[0], tile_edge(means, 1) ** 2 // width + 1):
            design = _outer(groups.spread(self.functions)[part, :], deviations[part, :])
            matrix = matrix + xp.matmul(
                xp.matrix_transpose(design * weights[part][:, None]), design
            )
        # Loads sum to zero, so means may be shifted: by their own mean, which takes large constants
        # in f out of the rounding.
        vector = xp.matmul(xp.matrix_transpose(self.loads), means - xp.mean(means, axis=0))
        return symmetrise(xp, matrix), xp.reshape(vector, (-1,))

    def deletions(self, coefficients: Array, solver: System) -> Array:
        """Return the change (n, jb) of the coefficients when a sample or particle is left out.

        It holds to first order. Sample i of time k adds ω_k ((gφ)′_k ⊗ ψ + g_k φ_k ⊗ (ψψᵀ − Cov_k)
        θ̇_k) π_i to Ca + c, with ψ = f(x_i) − E f, and ω_k g_k (φ_k ⊗ ψ)(φ_k ⊗ ψ)ᵀ π_i/(1 − π_i) to
        the matrix of the system, which is solved without it.
        """
        groups, xp = self.groups, self.groups.xp
        deviations = groups.deviations(groups.values)
        rates = groups.spread(xp.matmul(self.functions, coefficients))
        shrinkage = groups.spread(self.shrinkage)
        along = deviations * xp.sum(deviations * rates, axis=1, keepdims=True) / shrinkage
        masses = groups.spread(self.masses * self.functions)
        changes = _outer(groups.spread(self.loads), deviations)
        changes = changes + _outer(masses, groups.deviations(along))
        changes = (groups.weights / xp.sqrt(shrinkage[:, 0]))[:, None] * changes
        design = _outer(groups.spread(self.functions), deviations)
        lost = groups.spread(self.masses / self.shrinkage)[:, 0] * without_each(xp, groups.weights)
        if not self.coupled:
            return solver.solve_without(design[:, None, :], lost[:, None], changes)
        # The same particle at all times: one change, and as many rows of the design as there are
        # times.
        shape = (len(groups.lengths), groups.lengths[0])
        changes = xp.sum(xp.reshape(changes, (*shape, -1)), axis=0)
        design = xp.permute_dims(xp.reshape(design, (*shape, -1)), (1, 0, 2))
        lost = xp.permute_dims(xp.reshape(lost, shape), (1, 0))
        return solver.solve_without(design, lost, changes)

    def redrawn(self, rng: np.random.Generator) -> _WindowMoments:
        """Return the same for samples drawn with replacement."""
        return replace(self, groups=self.groups.redrawn(rng, self.coupled))


def _outer(left: Array, right: Array) -> Array:
    """Return the products (N, j·b) of the entries of rows (N, j) and (N, b)."""
    xp = array_namespace(left=left)
    return xp.reshape(left[:, :, None] * right[:, None, :], (left.shape[0], -1))


# --- checks of times, weights and bases -----------------------------------------------------------


def _checked_window(window: tuple[float, float] | None, times: np.ndarray) -> tuple[float, float]:
    if window is None:
        return float(times[0]), float(times[-1])
    ends = _checks.sequence(window, "window", "two numbers")
    if len(ends) != 2:
        raise ShapeError(f"window must be a pair of numbers, got {len(ends)} of them")
    start, end = (_checks.number(side, "window") for side in ends)
    if not start < end:
        raise DomainError(f"the window from {start:g} to {end:g} is empty")
    if times[0] < start or times[-1] > end:
        raise DomainError(
            f"times from {times[0]:g} to {times[-1]:g} reach beyond the window from {start:g} to "
            f"{end:g}; leave them out"
        )
    return start, end


def _time_weights(rule: Any, times: np.ndarray, window: tuple[float, float]) -> np.ndarray:
    if isinstance(rule, str):
        function = RULES[_checks.choice(rule, "time_weights", tuple(RULES))]
        if (times[0], times[-1]) != window:
            raise DomainError(
                f"the rule {rule!r} needs samples at both ends of the window, {window[0]:g} and "
                f"{window[1]:g}; give the weights of another rule as time_weights"
            )
        return function(times)
    host = _checks.host_numbers(rule, "time_weights")
    if host.shape != times.shape:
        raise ShapeError(f"time_weights must have shape {times.shape}, got {host.shape}")
    return host


def _checked_weight(weight: WindowWeight, tau: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return g and dg/dτ; DomainError unless g ≥ 0 is zero at both ends."""
    _checks.instance(weight, "weight", WindowWeight, "a WindowWeight")
    level, slope = weight(tau), weight.derivative(tau)
    ends, inner = weight(np.array([0.0, 1.0])), weight(np.array([0.25, 0.5, 0.75]))
    ends, top = np.abs(ends), float(np.max(np.abs(np.append(level, inner))))
    if level.shape != tau.shape or slope.shape != tau.shape:
        raise ShapeError(
            f"the window's weight and its slope must map times {tau.shape} to as many values, "
            f"got {level.shape}, {slope.shape}"
        )
    if not np.all(ends <= ZERO_SHARE * top):
        raise DomainError(
            f"the window's weight must be zero at both ends, got g = {ends[0]:g} and {ends[1]:g}: "
            "integration by parts leaves the boundary terms g Φ E f there, which (P5) leaves out"
        )
    if np.any(level < -ZERO_SHARE * top):
        raise DomainError(f"the window's weight must not be negative, got {np.min(level):g}")
    return np.maximum(level, 0.0), slope


def _balanced(loads: np.ndarray, masses: np.ndarray) -> np.ndarray:
    """Return weights of E f in c minus a share of g, so that they sum to zero as ∫(gφ)′dt does."""
    total = float(np.sum(masses))
    return loads - masses[:, None] * np.sum(loads, axis=0) / total if total > 0 else loads


def _checked_basis(basis: TimeBasis, tau: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    _checks.instance(basis, "basis", TimeBasis, "a TimeBasis")
    functions, slopes = basis(tau), basis.derivative(tau)
    if functions.ndim != 2 or functions.shape[0] != tau.size or slopes.shape != functions.shape:
        raise ShapeError(
            f"a basis must map {tau.size} times to (k, j) values and derivatives, "
            f"got {functions.shape} and {slopes.shape}"
        )
    return functions, slopes
