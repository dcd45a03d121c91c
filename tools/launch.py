"""Runs a WebAssembly program of the environment: launch.py MODULE FUNCTION [ARGUMENT ...]"""
import importlib
import os
import sys
from pathlib import Path


HIDDEN = "/tmp" + os.sep


def visible(argument):
    """The runtime lays a folder of its own over this one: paths below it are named from the working folder instead."""
    name, equals, value = argument.rpartition("=")
    if value.startswith(HIDDEN):
        return name + equals + os.path.relpath(value)
    return argument


os.environ.setdefault("YOWASP_CACHE_DIR", str(Path(__file__).resolve().parent / "compiled"))
module, function = sys.argv[1:3]
sys.argv = [function.removeprefix("_run_").removesuffix("_argv"), *map(visible, sys.argv[3:])]
getattr(importlib.import_module(module), function)()
