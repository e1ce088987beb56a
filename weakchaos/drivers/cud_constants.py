"""The shift registers of `weakchaos.drivers.CUD`, as ``python benchmarks/cud_search.py`` finds them."""

from __future__ import annotations

__all__ = ["CONSTANTS"]

# Degree: polynomial (bit k is the coefficient of x**k), stride.
CONSTANTS: dict[int, tuple[int, int]] = {
    10: (0x56B, 809),
    11: (0xA79, 307),
    12: (0x18B9, 883),
    13: (0x2BE5, 1771),
    14: (0x5153, 2888),
    15: (0xED5D, 30615),
    16: (0x1F62B, 41272),
    17: (0x27F9B, 52981),
    18: (0x60D11, 28475),
    19: (0xEF5CF, 150831),
    20: (0x108D05, 502567),
    21: (0x3D7A79, 658611),
    22: (0x7D7B61, 3498743),
    23: (0xE94549, 1651229),
    24: (0x175EFFF, 12764693),
    25: (0x27BB8F9, 15353156),
    26: (0x4CA9851, 51686815),
    27: (0xE3CBC37, 71046765),
    28: (0x108A5127, 125933482),
    29: (0x24413BA9, 388644658),
    30: (0x5BFE1A4D, 724437640),
    31: (0xBC7C584D, 1678793584),
    32: (0x14E4A36DF, 683603849),
}
