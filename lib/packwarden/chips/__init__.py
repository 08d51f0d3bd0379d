"""One small driver per chip, on an injected bus; a driver knows registers, never batteries.

A driver is made at boot. After that its methods allocate nothing and may run in the tick. No
driver swallows an OSError of its bus: whoever visits the chip counts the failures.
"""
