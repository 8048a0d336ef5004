#!/usr/bin/env python3
"""Writes build_hash.c: a hash over everything that gives a compiled image its meaning.

    build_hash.py OUTPUT DEPFILE COMPILER_ID SOURCE_DIR...

An image made by one build may be run by another only if both would make the same bytes and read
them alike. So the hash covers all sources of the rooms named, and the compiler, which decides how
structs are laid out. The dependency file makes the build system run this again when one changes.
"""

import hashlib
import os
import sys

SUFFIXES = (".c", ".h", ".S", ".def")


def sources(directories):
    for directory in directories:
        for folder, _, names in os.walk(directory):
            for name in names:
                if name.endswith(SUFFIXES):
                    yield os.path.join(folder, name)


def main():
    output, depfile, compiler, *directories = sys.argv[1:]
    files = sorted(sources(directories))
    digest = hashlib.sha256(compiler.encode())
    for path in files:
        with open(path, "rb") as source:
            content = source.read()
        digest.update(b"%d %s\n" % (len(content), os.path.basename(path).encode()))
        digest.update(content)
    values = digest.digest()
    rows = [", ".join("0x%02x" % v for v in values[i:i + 8]) for i in range(0, 32, 8)]
    with open(output, "w", encoding="ascii") as out:
        out.write('#include "code/image.h"\n\n')
        out.write("const uint8_t SW_BUILD_HASH[SW_BUILD_HASH_BYTES] = {\n    ")
        out.write(",\n    ".join(rows))
        out.write("};\n")
    with open(depfile, "w", encoding="utf-8") as deps:
        deps.write(output + ": " + " ".join(f.replace(" ", "\\ ") for f in files) + "\n")


main()
