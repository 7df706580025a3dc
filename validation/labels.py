"""The equations, as data: what each label states, where it belongs and where it comes from.

Documentation, report and command line read this table; it imports nothing from the package.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["LABELS", "SECTIONS", "SOURCES", "Label"]

#: Titles of the sections, by the letter that their labels begin with.
SECTIONS = MappingProxyType(
    {
        "E": "Exponential families",
        "P": "Projecting a time-varying model on the manifold",
        "N": "Tracking the natural gradient with a generator",
        "K": "Particle flows in a reproducing kernel space",
        "F": "Learned statistics",
        "W": "Flows to compare with",
        "Q": "Metrics",
        "B": "The natural gradient of the evidence lower bound",
    }
)

#: What the keys in brackets stand for.
SOURCES = MappingProxyType(
    {
        "L25": "Liu, Wang, Wang: Guiding Time-Varying Generative Models with Natural Gradients on Exponential Family Manifold. "
        "UAI 2025, PMLR 286, arXiv:2502.07650",
        "A25": "Ay, van Oostrum, Datar: On the Natural Gradient of the Evidence Lower Bound. JMLR 2025, arXiv:2307.11249",
        "S19": "Subramanian: A Fascinating connection between Natural Gradients and the Exponential Family. 2019",
        "K18": "Khan et al.: Fast and Scalable Bayesian Deep Learning by Weight-Perturbation in Adam. 2018",
        "W25": "Williams et al.: Differential Parameter Inference in Exponential Family using Time Score Matching. AISTATS 2025",
    }
)


@dataclass(frozen=True)
class Label:
    """One equation.

    Attributes
    ----------
    statement : str
        What it says, in one line.
    source : str
        Key of :data:`SOURCES`.
    pending : bool
        True as long as the package has no code for it, so that no evidence can be asked for.
    """

    statement: str
    source: str
    pending: bool = False


#: Label → equation, in the order of the sections.
LABELS = MappingProxyType(
    {
        "E1": Label("The log density of a family is ⟨θ, f(x)⟩ − A(θ) + log h(x)", "S19"),
        "E2": Label(
            "Mean parameters are the gradient of the log-partition function: μ(θ) = ∇A(θ) = E_θ f",
            "S19",
        ),
        "E3": Label("Fisher information F(θ) = ∇²A(θ) = Cov_θ f = ∂μ/∂θ", "S19"),
        "E4": Label(
            "Fisher information is F⁻¹ in mean parameters and Jᵀ F J, J = ∂θ/∂ξ, in any others",
            "S19",
        ),
        "E5": Label(
            "KL(θ₁‖θ₂) = A(θ₂) − A(θ₁) − ⟨θ₂ − θ₁, μ(θ₁)⟩, without cancellation where θ₁ ≈ θ₂",
            "S19",
        ),
        "E6": Label("The conjugate A*(μ) is −H − E log h, and its gradient inverts ∇A", "S19"),
        "E7": Label("The natural gradient of a loss is F(θ)⁻¹ ∇_θ L", "S19"),
        "E8": Label("It equals the plain gradient in mean parameters: F⁻¹ ∇_θ L = ∇_μ L", "S19"),
        "E9": Label(
            "For L = KL(p‖q_θ) the gradient is μ(θ) − E_p f, and the flow is θ̇ = F⁻¹ (E_p f − μ(θ))",
            "L25",
        ),
        "E10": Label(
            "Along that flow mean parameters move straight: μ(t) = E_p f + e^{−t} (μ(0) − E_p f)",
            "L25",
        ),
        "E11": Label(
            "Natural-gradient variational inference: ∇_μ KL(q‖p) = θ − ∇_μ E_θ[ℓ − log h]", "K18"
        ),
        "E12": Label("Gaussian family: statistics (x, x²), its A, μ and F in closed form", "S19"),
        "E13": Label(
            "Gamma family: statistics (log x, x), its A, μ and F in closed form, det F without cancellation",
            "S19",
        ),
        "P1": Label("m-projection: θ(t) with μ(θ(t)) = E_{q_t} f", "L25"),
        "P2": Label(
            "Tangent projection: regression of the time score on the centred statistics", "L25"
        ),
        "P3": Label("Its solution needs no density: θ̇ = Cov_{q_t}[f]⁻¹ ∂_t E_{q_t} f", "L25"),
        "P4": Label(
            "Particles with velocities v move the moments at the rate E[∇f(x)ᵀ v(x)]", "L25"
        ),
        "P5": Label(
            "Projection over a window of time, integrated by parts, from samples alone", "W25"
        ),
        "P6": Label("The same with an ℓ₁ penalty, for sparse changes", "W25"),
        "P7": Label("Where q_t stays in the family, the projections return its own θ̇", "L25"),
        "N1": Label(
            "Parameter Jacobians of a generator map a parameter velocity u to the moment rate Bu",
            "L25",
        ),
        "N2": Label("u = argmin ‖M^{-1/2}(Bu − Δ)‖² + ‖u‖² with M = λF̂ + εI", "L25"),
        "N3": Label("Its solution through the b×b system: u = Bᵀ(BBᵀ + M)⁻¹Δ", "L25"),
        "N3′": Label(
            "The same from the stacked least-squares problem, without squaring the condition number",
            "L25",
        ),
        "N4": Label("w ← w + ηu, or any explicit integrator on u", "L25"),
        "K1": Label("The velocity minimises ‖M^{-1/2}(E_q[∇fᵀv] − Δ)‖² + ‖v‖²_H", "L25"),
        "K2": Label("Representer: v(x) = Σ_i π_i K(x, x_i) ∇f(x_i) c", "L25"),
        "K3": Label(
            "(G + λF̂ + εI) c = Δ with G = Σ_ij π_i π_j ∇f(x_i)ᵀ K(x_i, x_j) ∇f(x_j)", "L25"
        ),
        "K4": Label(
            "V_j = Σ_i π_i K(x_j, x_i) ∇f(x_i) gives G and v without the n×n array of kernel matrices",
            "L25",
        ),
        "K5": Label(
            "Gradient Gaussian kernel: K = ∇_x ∇_yᵀ exp(−‖x − y‖²/(2σ²)), curl-free", "L25"
        ),
        "K6": Label(
            "Scalar kernel k(x, y) I; its coordinate-wise variant solves a system for each coordinate",
            "L25",
        ),
        "K7": Label(
            "Neural tangent kernel of a multilayer perceptron, from layer sensitivities alone",
            "L25",
        ),
        "K8": Label("Bandwidth σ = sqrt(median of the positive squared distances / 2)", "L25"),
        "K9": Label("Particle step x ← x + ηv(x), possibly on a subset of the coordinates", "L25"),
        "K10": Label("As M → 0 with G invertible, moments obey (E10): ∂_t E_q f = Δ", "L25"),
        "K11": Label(
            "Equivariances and invariances of the velocity, and descent of the moment energy", "L25"
        ),
        "F1": Label(
            "Denoising score matching of an energy-based network, by one forward tangent through back-propagation",
            "L25",
        ),
        "W1": Label(
            "Reverse-KL Wasserstein gradient flow: v = ∇log p̂ − ∇log q̂ with Gaussian density estimates",
            "L25",
        ),
        "W2": Label("Gradient flow of the energy distance", "L25"),
        "W3": Label(
            "Gradient flow of the squared maximum mean discrepancy with a Gaussian kernel", "L25"
        ),
        "W4": Label(
            "Stein variational gradient descent, where the score of the target is known", "L25"
        ),
        "Q1": Label("Maximum mean discrepancy with a Gaussian kernel, biased, square root", "L25"),
        "Q2": Label("Energy distance 2E‖x − y‖ − E‖x − x′‖ − E‖y − y′‖", "L25"),
        "Q3": Label("KLIEP estimate of KL(p‖q) on held-out points", "L25"),
        "Q4": Label("Moment residual sqrt(Δᵀ F̂⁻¹ Δ)", "L25"),
        "Q5": Label("Sliced Wasserstein distance", "L25"),
        "B1": Label("Fisher-Rao metric and gradient on the probability simplex", "A25"),
        "B2": Label(
            "Natural gradient of a parametrised model on the simplex, with a pseudo-inverse", "A25"
        ),
        "B3": Label(
            "Evidence and evidence-lower-bound losses, with fixed and with perfect recognition",
            "A25",
        ),
        "B4": Label("On the full simplex the natural gradient of the gap is vertical", "A25"),
        "B5": Label(
            "Vertical and horizontal space; a model is cylindrical where its tangent space splits along them",
            "A25",
        ),
        "B6": Label(
            "Cosine of the two directions in the visible metric; gradient flows by explicit Euler",
            "A25",
        ),
    }
)
