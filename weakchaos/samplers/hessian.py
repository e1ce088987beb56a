"""Products of the Hessian of a log density with vectors: by dual numbers where its gradient compiles for them, by differences of gradients elsewhere.

Along v the derivative of the gradient g is H v. A gradient written for numba with entries taken one by one is compiled once more for dual
numbers (`weakchaos.native.dual`), and gives H v to rounding; its data are constants of that compilation. Other gradients are taken at two
places on either side (`weakchaos.systems.linearised`). Dual numbers are held against differences once, and not used where they disagree.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import carray, njit
from numba.core.dispatcher import Dispatcher

from weakchaos.native.c_density import fills_gradient
from weakchaos.native.c_maps import CMap, NativeFunction, call_map
from weakchaos.native.compiled import address_of, call_density, kernel
from weakchaos.native.dual_map import with_dual_numbers
from weakchaos.systems.linearised import with_differences
from weakchaos.targets.density import Density

__all__ = ["DIFFERENCES", "DUAL_NUMBERS", "hessian_products"]

DUAL_NUMBERS, DIFFERENCES = "dual numbers", "differences of gradients"
_MOST_DATA = 50_000  # numbers that may become constants of compiled code
_AGREE = 1e-4


@NativeFunction
def _gradient(n, x, out, data):
    words, value = carray(data, (2,), np.uint64), np.empty(1)
    position, gradient = carray(x, (n,)), carray(out, (n,))
    status = call_density(words[0], np.uint64(n), address_of(position), address_of(gradient), address_of(value), words[1])
    return status if value.size else 1  # asked for after the call, so that the memory is there until then


@kernel
def call_product(product, user_data, z, out):
    """The gradient and the products, from a position and vectors one after the other; the status."""
    return call_map(product, np.uint64(z.size), address_of(z), address_of(out), user_data)


def _frozen(target: Density) -> Any:
    """The gradient as a numba function ``f(x, out)``, its data constants; None where there is none that dual numbers may pass."""
    _, gradient, both, data = target._parts
    function = both if both is not None else gradient
    if target.parameters is not None or target.vectorized or not isinstance(function, Dispatcher):
        return None
    items = () if data is None else data if isinstance(data, tuple) else (data,)
    if function.targetoptions.get("forceobj") or not fills_gradient(function, len(items)):
        return None
    items = tuple(np.asarray(item) if np.ndim(item) else item for item in items)
    if sum(np.size(item) for item in items) > _MOST_DATA:
        return None

    @njit
    def frozen(x, out):
        function(x, out, *items)

    return frozen


def hessian_products(target: Density, x: np.ndarray, scale: np.ndarray) -> tuple[CMap, str]:
    """A C function of a position and k vectors, one after the other, that writes the gradient and the products; and how it computes them.

    Parameters
    ----------
    target : Density
    x : array of shape (dim,)
        A place at which dual numbers are held against differences.
    scale : array of shape (dim,)
        How far coordinates vary; differences are taken over some millionths of it.

    Returns
    -------
    product : CMap
    kind : str
        ``"dual numbers"`` or ``"differences of gradients"``.

    Examples
    --------
    >>> @njit
    ... def quartic(x, out):
    ...     out[0] = -4.0 * x[0] ** 3
    ...     return -(x[0] ** 4)
    >>> product, kind = hessian_products(Density(logp_and_grad=quartic, dim=1), np.ones(1), np.ones(1))
    >>> out = np.empty(2)
    >>> call_product(np.uint64(product.address), np.uint64(product.user_data), np.array([2.0, 1.0]), out), kind, out
    (0, 'dual numbers', array([-32., -48.]))
    """
    density, dim = target.pointer(True), target.dim
    words = np.array([density.address, density.user_data], np.uint64)
    plain = CMap(_gradient.address, words.ctypes.data, (words, density), density.take_error)
    by_differences = with_differences(plain, dim, scale, 1.0 / scale)
    function = _frozen(target)
    exact = None if function is None else with_dual_numbers(function, dim)
    if exact is None:
        return by_differences, DIFFERENCES
    vector = np.random.default_rng(0x4E55).standard_normal(dim) * scale
    images = []
    for product in (exact, by_differences):
        out = np.full(2 * dim, np.nan)
        call_product(np.uint64(product.address), np.uint64(product.user_data), np.concatenate([x, vector]), out)
        images.append(out[dim:])
    size = np.abs(images[1]).max()
    agrees = bool((np.abs(images[0] - images[1]) <= _AGREE * size + 1e-6 / scale).all())
    return (exact, DUAL_NUMBERS) if agrees else (by_differences, DIFFERENCES)
