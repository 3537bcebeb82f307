"""Promises that were rejected and that nobody handled, as the engine itself knows them.

The Python binding does not pass on the engine's rejection tracker, and nothing a script's language
offers can see the promise of an async function. The engine's C functions are exported by the
extension module on Linux and macOS, though, so they are asked directly. Where that is not possible
`track` returns None and only a promise that is the script's last value is watched (prelude.js).
The child imports this module: standard library only.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any


class _Value(ctypes.Structure):
    """JSValue on a 64-bit machine: a union and a tag."""

    _fields_ = (("payload", ctypes.c_void_p), ("tag", ctypes.c_int64))


_Tracker = ctypes.CFUNCTYPE(None, ctypes.c_void_p, _Value, _Value, ctypes.c_bool, ctypes.c_void_p)


class Rejections:
    """The unhandled ones, in order."""

    def __init__(self, engine: ctypes.PyDLL, runtime: int, context: int) -> None:
        self._engine = engine
        self._context = context
        self._holder: _Value | None = None
        self._reasons: dict[int, Any] = {}
        self._tracker = _Tracker(self._rejected)  # must live as long as the engine
        engine.JS_SetHostPromiseRejectionTracker(runtime, self._tracker, None)

    def _rejected(
        self, context: int, promise: _Value, reason: _Value, is_handled: bool, _: object
    ) -> None:
        if is_handled:
            self._reasons.pop(promise.payload, None)
        else:
            # The promise is kept too: a freed one's address could come again.
            self._engine.JS_DupValue(context, promise)
            self._reasons[promise.payload] = self._engine.JS_DupValue(context, reason)

    def hold_in(self, name: str) -> None:
        """Remember the object that the global `name` is now, before any script runs."""
        everything = self._engine.JS_GetGlobalObject(self._context)
        self._holder = self._engine.JS_GetPropertyStr(self._context, everything, name.encode())

    def expose_first(self) -> bool:
        """Set the holder's `reason` to the first unhandled one; False when there is none."""
        for reason in self._reasons.values():
            self._engine.JS_SetPropertyStr(self._context, self._holder, b"reason", reason)
            return True
        return False


def track(module: Any, context: object) -> Rejections | None:
    """Begin to watch an engine's promises; None where its C functions are out of reach.

    The binding's Context is a PyObject followed by its JSRuntime and JSContext pointers (since
    2018); the engine is asked whether the two belong together before they are used.
    """
    kind = type(context)
    pointers = object.__basicsize__
    if (
        sys.implementation.name != "cpython"
        or sys.maxsize < 2**32
        or kind.__basicsize__ < pointers + 2 * ctypes.sizeof(ctypes.c_void_p)
    ):
        return None
    try:
        engine = ctypes.PyDLL(module.__file__)
        engine.JS_GetRuntime.restype = ctypes.c_void_p
        engine.JS_GetRuntime.argtypes = [ctypes.c_void_p]
        engine.JS_DupValue.restype = _Value
        engine.JS_DupValue.argtypes = [ctypes.c_void_p, _Value]
        engine.JS_GetGlobalObject.restype = _Value
        engine.JS_GetGlobalObject.argtypes = [ctypes.c_void_p]
        engine.JS_GetPropertyStr.restype = _Value
        engine.JS_GetPropertyStr.argtypes = [ctypes.c_void_p, _Value, ctypes.c_char_p]
        engine.JS_SetPropertyStr.argtypes = [ctypes.c_void_p, _Value, ctypes.c_char_p, _Value]
        engine.JS_SetHostPromiseRejectionTracker.argtypes = [
            ctypes.c_void_p,
            _Tracker,
            ctypes.c_void_p,
        ]
    except (OSError, AttributeError):
        return None
    runtime_at, context_at = (ctypes.c_void_p * 2).from_address(id(context) + pointers)
    if not runtime_at or not context_at or engine.JS_GetRuntime(context_at) != runtime_at:
        return None
    return Rejections(engine, runtime_at, context_at)
