"""Runs a WebAssembly program of the environment, or sby, which starts them: launch.py MODULE FUNCTION [ARGUMENT ...]"""
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
program = function.removeprefix("_run_").removesuffix("_argv")
arguments = sys.argv[3:] if program == "sby" else map(visible, sys.argv[3:])
sys.argv = [program, *arguments]
getattr(importlib.import_module(module), function)()
