"""The simulated cabinet: virtual time, chips at register level and the bank behind them.

Runs in the MicroPython unix VM and in CPython alike; `start.py` is the entry of the process.
"""
