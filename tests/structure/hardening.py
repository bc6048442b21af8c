#!/usr/bin/env python3
"""Whether the program and the nginx module of a build are hardened, by their ELF headers and by how they were compiled.

    tests/structure/hardening.py [BUILD]

Of each file: it is position-independent; all that the linker writes is read-only once it runs, and is bound at the start (full
RELRO); neither its stack nor any other part of it may be written and executed; nothing in it has to be relocated in code;
functions check their stack, and copies into buffers of known size are checked (_FORTIFY_SOURCE); where jumps may land is
marked for processors of x86. Of each source that was compiled for them, by compile_commands.json: the flags, as
-fstack-clash-protection leaves no mark.

Nothing is expected of builds with sanitizers or without optimization. The last line is "N passed, N failed[, N skipped]"."""

import json
import pathlib
import re
import struct
import sys

BUILD = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2] / "build")
FILES = ("src/cli/smartimg", "src/edge/ngx_http_smartimg_module.so")
FLAGS = ("-fstack-protector-strong", "-fstack-clash-protection", "-D_FORTIFY_SOURCE=3")
X86_FLAGS = ("-fcf-protection",)

EM_386, EM_X86_64 = 3, 62
ET_DYN = 3
PT_LOAD, PT_DYNAMIC, PT_GNU_STACK, PT_GNU_RELRO = 1, 2, 0x6474e551, 0x6474e552
PF_X, PF_W = 1, 2
DT_TEXTREL, DT_FLAGS, DT_FLAGS_1 = 22, 30, 0x6ffffffb
DF_TEXTREL, DF_BIND_NOW, DF_1_NOW, DF_1_PIE = 4, 8, 1, 0x08000000
ENDBR64 = b"\xf3\x0f\x1e\xfa"


class Elf:
    """What a little-endian ELF file of 64 bits says of itself."""

    def __init__(self, path):
        self.data = path.read_bytes()
        if self.data[:6] != b"\x7fELF\x02\x01":
            raise ValueError(f"{path} is no little-endian ELF file of 64 bits")
        self.type, self.machine = struct.unpack_from("<HH", self.data, 16)
        at, = struct.unpack_from("<Q", self.data, 32)
        size, count = struct.unpack_from("<HH", self.data, 54)
        # type, flags, offset, address, -, bytes in the file
        self.segments = [struct.unpack_from("<IIQQQQ", self.data, at + i * size) for i in range(count)]
        self.dynamic = list(self.entries())

    def of_type(self, kind):
        return [s for s in self.segments if s[0] == kind]

    def entries(self):
        for _, _, offset, _, _, size in self.of_type(PT_DYNAMIC):
            for at in range(offset, offset + size, 16):
                tag, value = struct.unpack_from("<qQ", self.data, at)
                if tag == 0:
                    return
                yield tag, value

    def flags(self, tag):
        return next((value for t, value in self.dynamic if t == tag), 0)


def of_file(path):
    """(what is looked for, whether it is there) of a linked file."""
    elf = Elf(path)
    yield "position-independent", elf.type == ET_DYN and (path.suffix == ".so" or elf.flags(DT_FLAGS_1) & DF_1_PIE)
    yield "read-only relocations", elf.of_type(PT_GNU_RELRO)
    yield "bound at the start", elf.flags(DT_FLAGS) & DF_BIND_NOW or elf.flags(DT_FLAGS_1) & DF_1_NOW
    yield "no executable stack", elf.of_type(PT_GNU_STACK) and not any(s[1] & PF_X for s in elf.of_type(PT_GNU_STACK))
    yield "nothing written and executed", not any(s[1] & PF_X and s[1] & PF_W for s in elf.of_type(PT_LOAD))
    yield "no relocations in code", not elf.flags(DT_FLAGS) & DF_TEXTREL and not elf.flags(DT_TEXTREL)
    yield "stacks are checked", b"\0__stack_chk_fail\0" in elf.data
    checked = set(re.findall(rb"\0(__\w+_chk)\0", elf.data)) | set(re.findall(rb"(?<=\0)__\w+_chk(?=\0)", elf.data))
    yield "copies are checked", len(checked) >= 3
    if elf.machine in (EM_386, EM_X86_64):
        # the mark of the whole file is left out by the linker where the distribution's start files have none
        yield "jumps land on marks", elf.data.count(ENDBR64) > 500


def of_compilation(build):
    """(what is looked for, whether it is there) of the flags of all sources that are in those files."""
    commands = json.loads((build / "compile_commands.json").read_text())
    ours = [c for c in commands if re.search(r"(?:libsmartimg-\w+\.a|smartimg\.p|ngx_http_smartimg_module\.so)", c["output"])]
    x86 = Elf(build / FILES[0]).machine in (EM_386, EM_X86_64)
    for flag in FLAGS + (X86_FLAGS if x86 else ()):
        yield f"{flag} in {len(ours)} sources", len(ours) > 100 and all(f" {flag}" in c["command"] for c in ours)


def main():
    options = {o["name"]: o["value"] for o in json.loads((BUILD / "meson-info/intro-buildoptions.json").read_text())}
    if options["b_sanitize"] != "none" or options["optimization"] in ("0", "plain"):
        print("0 passed, 0 failed, 1 skipped")
        return 77  # skipped, for meson
    rows = [(name, *row) for name in FILES if (BUILD / name).exists() for row in of_file(BUILD / name)]
    rows += [("compile_commands.json", *row) for row in of_compilation(BUILD)]
    failed = 0
    for name, what, there in rows:
        if not there:
            print(f"{name}: not so: {what}")
            failed += 1
    print(f"{len(rows) - failed} passed, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
