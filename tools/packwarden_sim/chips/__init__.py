"""Register-level models of the chips on the boards, with their faults."""
