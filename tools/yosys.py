"""Yosys' command line for the library: yosys [-q] [-l LOG] [-s SCRIPT] [-p COMMANDS] [FILE ...]"""
import getopt
import os
import sys

from pyosys import libyosys as ys

READ = {".ys": "script", ".v": "read_verilog", ".sv": "read_verilog -sv", ".il": "read_rtlil", ".json": "read_json"}


def fail(text):
    sys.exit(f"ERROR: {text}\n{__doc__}")


def read_command(path):
    for ending, command in READ.items():
        if path.endswith(ending):
            return f"{command} {path}" if command == "script" else f'{command} "{path}"'
    fail(f"{path}: none of {', '.join(READ)}")


def main():
    try:
        options, files = getopt.gnu_getopt(sys.argv[1:], "VqQTl:s:p:h", ["version", "help"])
    except getopt.GetoptError as error:
        fail(error)
    quiet, log, scripts, commands = False, None, [], []
    for name, value in options:
        if name in ("-V", "--version"):
            print(ys.yosys_maybe_version())
            return
        if name in ("-h", "--help"):
            print(__doc__)
            return
        if name == "-q":
            quiet = True
        elif name == "-l":
            log = value
        elif name == "-s":
            scripts.append(f"script {value}")
        elif name == "-p":
            commands += [command for command in value.split("\n") if command.strip()]
    design = ys.Design()
    if quiet:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    mode = "-o"
    for command in [read_command(path) for path in files] + scripts + commands:
        for part in split(command):
            ys.run_pass(f'tee {mode} "{log}" {part}' if log else part, design)
            mode = "-a"


def split(line):
    """The commands of a line: `;` parts them, but not within quotes."""
    part, quoted = "", False
    for character in line + ";":
        quoted ^= character == '"'
        if character == ";" and not quoted:
            if part.strip():
                yield part.strip()
            part = ""
        else:
            part += character


main()
