"""A firmware of a few lines, for the tests of the simulated cabinet."""

import cabinet

cabinet.run()
