"""The C library from Python without any bindings: ctypes and nothing else.

OPENAI_API_KEY=... [OPENAI_BASE_URL=...] [OPENAI_MODEL=...] python chat.py [path of libllmagg.so]
"""

import ctypes
import json
import os
import sys
from ctypes import POINTER, Structure, byref, c_char_p, c_int32, c_size_t, c_void_p

lib = ctypes.CDLL(sys.argv[1] if len(sys.argv) > 1 else "libllmagg.so.1")


class Buf(Structure):
    """llmagg_buf"""
    _fields_ = [("ptr", c_void_p), ("len", c_size_t)]


ERR, HANDLE, TEXT = POINTER(c_void_p), POINTER(c_void_p), [c_char_p, c_size_t]
for name, arguments in {
    "llmagg_manager_new": [HANDLE, ERR],
    "llmagg_aggregator_new": [c_void_p, *TEXT, HANDLE, ERR],
    "llmagg_aggregator_initialize": [c_void_p, *TEXT, ERR],
    "llmagg_aggregator_chat": [c_void_p, *TEXT, *TEXT, POINTER(Buf), ERR],
    "llmagg_wall_start": [*TEXT, HANDLE, ERR],
    "llmagg_wall_url": [c_void_p, POINTER(Buf), ERR],
}.items():
    getattr(lib, name).argtypes, getattr(lib, name).restype = arguments, c_int32
lib.llmagg_error_message.argtypes, lib.llmagg_error_message.restype = [c_void_p], c_char_p
lib.llmagg_buf_free.argtypes, lib.llmagg_buf_free.restype = [POINTER(Buf)], None


def call(name: str, *arguments: object) -> None:
    """Calls a function that returns llmagg_status; raises what it says."""
    if getattr(lib, name)(*arguments, byref(error := c_void_p())) != 0:
        raise RuntimeError(lib.llmagg_error_message(error).decode())


def text(name: str, *arguments: object) -> str:
    """Calls a function that gives a llmagg_buf."""
    call(name, *arguments, byref(buf := Buf()))
    data = ctypes.string_at(buf.ptr, buf.len).decode()
    lib.llmagg_buf_free(byref(buf))
    return data


manager, aggregator, wall = c_void_p(), c_void_p(), c_void_p()
key, url = os.environ.get("OPENAI_API_KEY", "none"), os.environ.get("OPENAI_BASE_URL")
if key == "none":
    call("llmagg_wall_start", None, 0, byref(wall))
    url = text("llmagg_wall_url", wall)
model = os.environ.get("OPENAI_MODEL", "gpt-4o-mini")
config = json.dumps({"openai": {"models": {model: {"api_key": key, "base_url": url}}}}).encode()
request = b'{"messages": [{"role": "user", "content": "Say hello in one sentence."}]}'
call("llmagg_manager_new", byref(manager))
call("llmagg_aggregator_new", manager, None, 0, byref(aggregator))
call("llmagg_aggregator_initialize", aggregator, config, len(config))
answer = json.loads(text("llmagg_aggregator_chat", aggregator, request, len(request), None, 0))
print(answer["choices"][0]["message"]["content"])
