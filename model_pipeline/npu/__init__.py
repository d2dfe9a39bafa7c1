"""From exported graphs to the RK3588's NPU: fold, record real inputs, compile, simulate, compare, report.

Everything but ``compiler.py`` runs in the laboratory's environment; ``compiler.py`` runs in the compiler's own
(`make rknn`), as a subprocess.
"""
