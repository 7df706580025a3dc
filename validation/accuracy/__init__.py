"""How accurate the package is, in numbers.

Every special function, and every operation of every family, against eighty digits and more.

``python -m validation --accuracy --out DIR`` measures and writes ``accuracy.json``; the
documentation shows the file as tables.
"""

from validation.accuracy.report import SCHEMA, dumped, measure

__all__ = ["SCHEMA", "dumped", "measure"]
