"""The numerical kernels, each at least twice with one signature and one label.

``readable`` is the specification, in the array-API standard alone; ``_numba_fused`` (CPU) and
``_cupy_fused`` (CUDA) hold the few that earn a second form. Kernels trust their arguments: the
public functions above them have checked shapes, types and numbers.
"""
