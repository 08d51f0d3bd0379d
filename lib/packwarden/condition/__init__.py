"""Condition monitoring: estimators beside the control step, in bounded slices of the slack.

Each takes plain values in the order of the frame and the time that has passed, in whole numbers
that stay within 31 bits; nothing in here allocates once it is made.
"""
