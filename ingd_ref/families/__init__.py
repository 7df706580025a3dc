"""Exponential families (E1): one class per family, each a page of formulas on one small base.

A family holds the functions of the natural parameters θ and of the points x that natural gradients need: the log-partition function, mean
parameters, Fisher information and its inverse, Kullback-Leibler divergence, statistics and their Jacobian, samples and fits.
"""

from ingd_ref.families._base import ExponentialFamily
from ingd_ref.families._parameters import POSITIVE, REAL, Constraint, Parameter
from ingd_ref.families.gamma import Gamma
from ingd_ref.families.gaussian import Gaussian

__all__ = ["POSITIVE", "REAL", "Constraint", "ExponentialFamily", "Gamma", "Gaussian", "Parameter"]
