"""Special functions in forms that do not cancel, written with the array API standard only.

The textbook forms log a − ψ(a), aψ′(a) − 1 or log Γ(b) − log Γ(a) − (b − a)ψ(a) are differences of
nearly equal numbers where a is large or b is close to a. The modules of this package sum positive
terms instead: a recurrence a → a + 1 up to where Stirling's series holds.

Every function takes the namespace of its arrays first and trusts its arguments.
"""
