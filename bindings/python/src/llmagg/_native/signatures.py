"""The types and functions of ``llmagg.h`` that the package uses."""

from __future__ import annotations

import ctypes
import struct
from ctypes import POINTER, c_char_p, c_int, c_int32, c_size_t, c_uint32, c_uint64, c_void_p
from typing import Any

ABI_VERSION = 1

STREAM, BATCH, GATHER, BRIEF = 1, 2, 4, 8
CONFIG_LENIENT, CONFIG_SKIP, CONFIG_ADDRESSES = 1, 2, 4
CHUNK, RESTART, DONE, ERROR, CALL_CUSTOM, CANCEL_CUSTOM, RESUME_CUSTOM = range(1, 8)
LOG, OBSERVE, DROPPED, TOKEN, ACCEPT, CACHE_GET, CACHE_PUT = range(8, 15)

EVENT = struct.Struct("@iiQQPN")
"""llmagg_event: type, status, op, tag, payload address, payload length."""


VECTORS = struct.Struct("@QIIQQ")
"""llmagg_vectors: count, dimensions, offset of the numbers, offset and length of the JSON."""


class Buf(ctypes.Structure):
    """llmagg_buf"""

    _fields_ = (("ptr", c_void_p), ("len", c_size_t))


class Drain(ctypes.Structure):
    """llmagg_drain"""

    _fields_ = (
        ("struct_size", c_size_t),
        ("event_size", c_size_t),
        ("events", c_void_p),
        ("max_events", c_size_t),
        ("buffer", c_void_p),
        ("buffer_size", c_size_t),
        ("count", c_size_t),
        ("used", c_size_t),
        ("pending", c_size_t),
        ("needed", c_size_t),
        ("is_mapping", c_size_t),
    )


_ERR = POINTER(c_void_p)
_TEXT = (c_char_p, c_size_t)
_OUT = (POINTER(Buf), _ERR)
_HANDLE_OUT = (POINTER(c_void_p), _ERR)
_QUEUE = c_void_p
_OP = POINTER(c_uint64)
_ROUTES = (POINTER(c_void_p), c_size_t)
_SUBMIT = (_QUEUE, *_TEXT, *_TEXT, c_uint32, c_uint64, _OP, _ERR)

STATUS_FUNCTIONS: dict[str, tuple[object, ...]] = {
    "llmagg_manager_default": _HANDLE_OUT,
    "llmagg_manager_metrics": (c_void_p, *_OUT),
    "llmagg_manager_join": (c_void_p, *_TEXT, _ERR),
    "llmagg_manager_fleet_report": (c_void_p, *_OUT),
    "llmagg_client_new": (*_TEXT, *_HANDLE_OUT),
    "llmagg_client_new_custom": (*_TEXT, _QUEUE, c_uint64, *_HANDLE_OUT),
    "llmagg_client_info": (c_void_p, *_OUT),
    "llmagg_client_report": (c_void_p, *_OUT),
    "llmagg_client_set_available": (c_void_p, c_int, _ERR),
    "llmagg_client_rest": (c_void_p, _ERR),
    "llmagg_client_chat_submit": (c_void_p, *_SUBMIT),
    "llmagg_routes_chat_submit": (*_ROUTES, *_SUBMIT),
    "llmagg_routes_embed_submit": (*_ROUTES, _QUEUE, *_TEXT, *_TEXT, c_uint64, _OP, _ERR),
    "llmagg_routes_rerank_submit": (*_ROUTES, _QUEUE, *_TEXT, *_TEXT, c_uint64, _OP, _ERR),
    "llmagg_routes_health_submit": (*_ROUTES, _QUEUE, c_uint64, _OP, _ERR),
    "llmagg_resolve": (*_TEXT, *_TEXT, *_OUT),
    "llmagg_queue_new": _HANDLE_OUT,
    "llmagg_queue_fd": (_QUEUE, POINTER(c_int), _ERR),
    "llmagg_queue_drain": (_QUEUE, POINTER(Drain), _ERR),
    "llmagg_op_cancel": (c_uint64, _ERR),
    "llmagg_op_credit": (c_uint64, c_uint32, _ERR),
    "llmagg_custom_emit": (c_uint64, *_TEXT, POINTER(c_int), _ERR),
    "llmagg_custom_finish": (c_uint64, *_TEXT, _ERR),
    "llmagg_custom_fail": (c_uint64, *_TEXT, _ERR),
    "llmagg_log_to_queue": (c_int32, _QUEUE, _ERR),
    "llmagg_observe_to_queue": (_QUEUE, _ERR),
    "llmagg_token_to_queue": (_QUEUE, _ERR),
    "llmagg_token_answer": (c_uint64, *_TEXT, _ERR),
    "llmagg_accept_answer": (c_uint64, *_TEXT, _ERR),
    "llmagg_budget_set": (*_TEXT, *_TEXT, _ERR),
    "llmagg_cache_set": (*_TEXT, *_TEXT, _ERR),
    "llmagg_cache_answer": (c_uint64, *_TEXT, _ERR),
    "llmagg_config_check": (*_TEXT, c_uint32, *_OUT),
    "llmagg_settings": _OUT,
    "llmagg_stats": _OUT,
    "llmagg_wall_start": (*_TEXT, *_HANDLE_OUT),
    "llmagg_wall_url": (c_void_p, *_OUT),
    "llmagg_wall_seen": (c_void_p, *_OUT),
    "llmagg_wall_script": (c_void_p, *_TEXT, _ERR),
}
"""Functions that return llmagg_status and take ``llmagg_error **err`` last: name → parameters."""

OTHER_FUNCTIONS: dict[str, tuple[object, tuple[object, ...]]] = {
    "llmagg_abi_version": (c_uint32, ()),
    "llmagg_version": (c_char_p, ()),
    "llmagg_error_json": (c_char_p, (c_void_p, POINTER(c_size_t))),
    "llmagg_error_free": (None, (c_void_p,)),
    "llmagg_buf_free": (None, (POINTER(Buf),)),
    "llmagg_client_free": (None, (c_void_p,)),
    "llmagg_queue_free": (None, (_QUEUE,)),
    "llmagg_wall_free": (None, (c_void_p,)),
}
"""All other functions: name → (result, parameters)."""

QUICK = (
    "llmagg_client_chat_submit", "llmagg_routes_chat_submit", "llmagg_routes_embed_submit",
    "llmagg_routes_rerank_submit", "llmagg_queue_drain", "llmagg_op_credit",
)  # fmt: skip
"""Functions that return at once and are called often. They keep the interpreter's lock, since to get it back could
take longer than the call. They have no ``argtypes``, by which ctypes would need 3.3 µs for a submit instead of 0.7: so
each argument is an object of ctypes, bytes, None, or an int that fits into 32 bits where C takes such a one.
"""


def declare_quick(library: ctypes.PyDLL) -> None:
    """Types the results of the functions of ``QUICK``."""
    for name in QUICK:
        getattr(library, name).restype = c_int32


class Library(ctypes.CDLL):
    """A loaded library. Each function gets its types when it is first asked for: a program calls a few of them."""

    def __getattr__(self, name: str) -> Any:
        result, parameters = OTHER_FUNCTIONS.get(name) or (c_int32, STATUS_FUNCTIONS.get(name))
        if parameters is None:
            return super().__getattr__(name)
        function: Any = self[name]
        function.restype, function.argtypes = result, parameters
        setattr(self, name, function)  # only now: another thread may ask for it meanwhile
        return function
