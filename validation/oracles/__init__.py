"""What the package is judged by. Nothing in here imports it.

``precise`` computes with eighty digits and takes every derivative by differences; ``families`` and
``particles`` write the equations down on that ground; ``quadrature`` gives weighted points whose
moments are exact; ``fisher`` estimates the Fisher information in five independent ways in float64,
each with a model of its error; ``golden`` reads published reference arrays.
"""
