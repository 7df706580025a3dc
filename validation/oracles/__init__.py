"""Independent oracles: what the package is judged by. Nothing in here imports the package.

``precise`` computes at eighty digits and takes every derivative by differences. On that ground
``textbook`` states every family, from which ``statement`` derives all operations; ``distances`` has
their Fisher-Rao distances, and ``particles`` writes the particle equations down. ``nodes`` and
``quadrature`` give weighted points whose moments are exact; ``fisher`` estimates the Fisher
information in five independent ways in float64, each with a model of its error; ``golden`` reads
published reference arrays.
"""
