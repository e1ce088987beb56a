"""Any stream of uniform numbers as a bit generator of NumPy.

NumPy requests doubles, 32-bit and 64-bit words through the five pointers of its ``bitgen_t``; here a double is one number u of the stream.
A 32-bit word is made of floor(2**32 u), whose halves of 16 bits are a and b: the word is (a, b xor h(a)), where h is a bijection of 16 bits
in which every output bit depends on all input bits (C. Wellons, "Prospecting for hash functions", 2018). So low bits are no worse than high
bits: permutations and the ziggurat use low bits, and those of congruential generators and point sets are poor, those of RANDU even constant.
The upper half is not changed, so integers of a small range are still the inverse CDF of one number. A 64-bit word is made of two 32-bit words
from two numbers.
"""

from __future__ import annotations

import ctypes
import sys
import threading
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from numba import carray, njit, types, uint32, uint64

from weakchaos.core.errors import ArgumentError, ArgumentTypeError, DriverWarning, shown
from weakchaos.core.system import as_seed
from weakchaos.drivers.base import Driver
from weakchaos.drivers.checked import CheckedStream, checked, opened
from weakchaos.drivers.lowdiscrepancy import call_back
from weakchaos.native.compiled import compiled_stream, draw_uniform

__all__ = ["BitGenerator", "bit_generator_of"]


class _BitgenStruct(ctypes.Structure):
    _fields_ = (
        ("state", ctypes.c_void_p),
        ("next_uint64", ctypes.c_void_p),
        ("next_uint32", ctypes.c_void_p),
        ("next_double", ctypes.c_void_p),
        ("next_raw", ctypes.c_void_p),
    )


# What they all get: the two addresses of the stream, and that of a callback for the first word, or 0.


def _next_double(pointer):
    words = carray(pointer, 3, dtype=np.uint64)
    return draw_uniform(words[0], words[1])


@njit(nogil=True, error_model="numpy")
def _word(function, state):
    w = np.uint32(np.uint64(draw_uniform(function, state) * 4294967296.0))
    mask, h = np.uint32(0xFFFF), np.uint32(w >> np.uint32(16))
    h ^= h >> np.uint32(8)
    h = np.uint32(h * np.uint32(0x88B5)) & mask
    h ^= h >> np.uint32(7)
    h = np.uint32(h * np.uint32(0xDB2D)) & mask
    h ^= h >> np.uint32(9)
    return np.uint32(w ^ h)


def _next_uint32(pointer):
    words = carray(pointer, 3, dtype=np.uint64)
    callback = words[2]
    if callback != np.uint64(0):
        words[2] = np.uint64(0)
        call_back(callback, pointer)
    return _word(words[0], words[1])


def _next_uint64(pointer):
    words = carray(pointer, 3, dtype=np.uint64)
    callback = words[2]
    if callback != np.uint64(0):
        words[2] = np.uint64(0)
        call_back(callback, pointer)
    high = np.uint64(_word(words[0], words[1]))
    return (high << np.uint64(32)) | np.uint64(_word(words[0], words[1]))


_DOUBLE = compiled_stream(_next_double)
_UINT32 = compiled_stream(_next_uint32, uint32(types.voidptr))
_UINT64 = compiled_stream(_next_uint64, uint64(types.voidptr))

_CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class _Lock:
    """The lock that NumPy holds while it draws: what C code noticed in the meantime can be said when it is given back."""

    def __init__(self, driver: Driver):
        self._lock, self._driver, self._holders, self._noticed = threading.RLock(), driver, 0, False
        self.stream: Any = None
        self._told = False

    def notice(self) -> None:
        """Called from C code at the first word."""
        if self._holders:
            self._noticed = True
            return
        try:  # compiled code that takes no lock
            warnings.warn(_words_are_not_faithful(self._driver), DriverWarning, stacklevel=3)
        except Warning as warning:  # turned into an error, which cannot pass through C code
            print(f"DriverWarning: {warning}", file=sys.stderr)

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        taken = self._lock.acquire(blocking, timeout)
        self._holders += taken
        return taken

    def release(self) -> None:
        noticed, self._noticed = self._noticed, False
        self._holders -= 1
        self._lock.release()
        if noticed:
            warnings.warn(_words_are_not_faithful(self._driver), DriverWarning, stacklevel=3)
        if isinstance(self.stream, CheckedStream) and self.stream.bad and not self._told:
            self._told = True
            warnings.warn(
                f"{self._driver.name} gave {self.stream.value:g}, which is not in [0, 1), at index {self.stream.first} of the stream: numbers of [0, 1) take "
                "the places of such",
                DriverWarning,
                stacklevel=3,
            )

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *error: Any) -> None:
        self.release()


def _words_are_not_faithful(driver: Driver) -> str:
    if driver.cud:
        return (
            f"{driver.name} is made for one run of {driver.length:,} steps: as a bit generator of NumPy it repeats itself after as many numbers, and "
            "methods other than Generator.random, uniform, and integers of up to 65536 values combine several numbers that are not independent"
        )
    return (
        f"{driver.name} is equidistributed in {driver.dimension:g} dimension{'s' * (driver.dimension != 1)} only: as a bit generator of NumPy "
        "the distributions are right for Generator.random, uniform, and integers of up to 65536 values; other methods combine several numbers, "
        "and their values may be far from the distribution that they should have"
    )


class BitGenerator(np.random.BitGenerator):
    """A driver as a bit generator for ``numpy.random.Generator``; `Driver.bit_generator` makes it.

    ``Generator.random`` and ``Generator.uniform`` return the numbers of the stream, one for each value, and ``Generator.integers`` of up to
    2**16 different values applies its inverse CDF to one number. All other methods combine several numbers (normals and exponentials use two
    or more for each value, by the ziggurat; permutations use one or more for each element), and their distributions are right only if the
    stream is completely uniformly distributed and never ends: for other drivers the first use of a word, rather than a double, gives a `DriverWarning`. To
    make one normal of each number, use ``scipy.stats.norm.ppf(generator.random(n))``.

    Everything else works as in NumPy: ``state`` can be read and set; ``spawn``, ``seed_seq``, ``random_raw``, ``ctypes``, ``cffi``, copies
    and pickles are supported.

    Every driver has its own class of bit generators, so that ``type(bit_generator)(seed)`` is another bit generator of the same driver, as scipy
    expects.

    Parameters
    ----------
    seed : int, SeedSequence or None

    Examples
    --------
    >>> from weakchaos.drivers import Rotation
    >>> generator = np.random.Generator(Rotation().bit_generator(seed=1))
    >>> before = generator.bit_generator.state
    >>> u = generator.random(2)
    >>> generator.bit_generator.state = before
    >>> bool((generator.random(2) == u).all())
    True
    """

    driver: Driver
    lock: Any = None  # of the instance, instead of NumPy's

    def __init__(self, seed: Any = None):
        if not hasattr(self, "driver"):
            raise ArgumentTypeError("`BitGenerator` has no stream by itself: write driver.bit_generator(seed)")
        driver, sequence = self.driver, as_seed(seed)
        super().__init__(sequence)
        self._sequence = sequence
        self.stream = opened(driver, sequence)
        self.lock = lock = _Lock(driver)
        lock.stream = self.stream
        self._callback = _CALLBACK(lambda _: lock.notice())
        callback = 0 if driver.cud and driver.length is None else ctypes.cast(self._callback, ctypes.c_void_p).value
        self._words = np.array([self.stream.function, self.stream.state, callback], np.uint64)
        pointer = ctypes.pythonapi.PyCapsule_GetPointer
        pointer.restype, pointer.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
        words = _UINT64.address
        # NumPy's own struct, which its capsule and its `ctypes` and `cffi` interfaces hand out, is filled in.
        ctypes.memmove(
            pointer(self.capsule, b"BitGenerator"),
            ctypes.byref(_BitgenStruct(self._words.ctypes.data, words, _UINT32.address, _DOUBLE.address, words)),
            ctypes.sizeof(_BitgenStruct),
        )

    @property
    def state(self) -> Mapping[str, Any]:
        """The name of the driver, and everything that changes in its stream, in hexadecimal digits."""
        with self.lock:
            return {"bit_generator": self.driver.name, "state": self.stream.to_bytes().hex()}

    @state.setter
    def state(self, value: Any) -> None:
        if not isinstance(value, dict):
            raise ArgumentTypeError(f"`state` must be a dict, as read from the state of a bit generator; got {shown(value)}")
        if value.get("bit_generator") != self.driver.name or not isinstance(value.get("state"), str):
            raise ArgumentError(f"`state` must be that of a bit generator of {self.driver.name}; got {shown(value)}")
        try:
            stream = checked(self.driver, self.driver.restore(bytes.fromhex(value["state"])))
        except ValueError as error:
            raise ArgumentError(f"`state` must be that of a bit generator of {self.driver.name}: {error}") from error
        with self.lock:
            self.stream, self._words[1] = stream, stream.state
            self.lock.stream = stream

    def spawn(self, n_children: int) -> list[BitGenerator]:
        """Bit generators of the same driver, with seeds that are spawned from the seed of this one.

        Examples
        --------
        >>> from weakchaos.drivers import Tent
        >>> [child.seed_seq.spawn_key for child in Tent(iterations=40).bit_generator(1).spawn(2)]
        [(0,), (1,)]
        """
        return [type(self)(seed) for seed in self._sequence.spawn(n_children)]

    def __reduce__(self) -> tuple:
        return _restored, (self.driver, self._sequence, self.state)

    def __getstate__(self) -> Any:
        return self.state

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def __repr__(self) -> str:
        return f"BitGenerator({self.driver!r})"


def bit_generator_of(driver: Driver) -> type[BitGenerator]:
    """The class of bit generators of a driver.

    Examples
    --------
    >>> from weakchaos.drivers import Rotation
    >>> bit_generator_of(Rotation())(1)
    BitGenerator(Rotation(dimension=1, frequencies=None))
    """
    return type("BitGenerator", (BitGenerator,), {"driver": driver, "__doc__": BitGenerator.__doc__})


def _restored(driver: Driver, sequence: Any, state: dict) -> BitGenerator:
    made = bit_generator_of(driver)(sequence)
    made._sequence.spawn(sequence.n_children_spawned)  # the next children are not those it had
    made.state = state
    return made
