"""Arpad: a self-hosted rating service.

The layers, and the only direction in which they may import::

    main · cli · worker · recorder    composition roots: the only readers of settings
    api | web                         HTTP; siblings that do not know each other
    services                          use cases; each public function owns its transaction
    storage                           all SQL
    ratings                           what is rated and how: arrays and plain Python
    core                              numerics: NumPy and SciPy, no I/O, no clock, no logging

`errors` is a leaf that every layer above `core` may import.
"""

__version__ = "0.1.0"
