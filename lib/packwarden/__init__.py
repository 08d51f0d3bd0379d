"""Packwarden: protection of parallel batteries, in integers; no machine, no clock, no I/O in here.

Read the modules in the order of the data: `frame` (raw counts of one tick), `validate`, `measure`,
`quantities`, `compare` (the table of `elements`), `decide`, `breakers`, `records`; `protection`
puts them together into one step, `settings` checks the configuration, `console` talks about it.
"""

VERSION = "0.1.0"
