#!/usr/bin/env python3
"""What `make install` puts down is enough to embed swell: install_test.py BUILD-FOLDER.

Installs into an empty folder, builds examples/embed/host.c there by pkg-config alone, shared and
static, and includes every public header alone in C and in C++. The library shows no symbol but its own.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SKIPPED = 77


def run(*command, **options):
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    if result.returncode:
        sys.exit(f'{" ".join(map(str, command))}\n{result.stdout}{result.stderr}exit code {result.returncode}')
    return result.stdout


def check_host(root, flags, libs, name):
    """The example builds and starts; without arguments it says how it is used."""
    host = root / name
    run('cc', '-Wall', '-Werror', *flags, ROOT / 'examples' / 'embed' / 'host.c', '-o', host, *libs)
    folder = next(root.rglob('libswell.so')).parent
    result = subprocess.run([host], capture_output=True, text=True, env={**os.environ, 'LD_LIBRARY_PATH': str(folder)})
    assert 0 < result.returncode < 126 and 'usage' in result.stderr, f'{name}: {result.returncode} {result.stderr}'
    print(f'ok: {name}')


def check_headers(include, flags):
    compilers = [['cc', '-xc', '-std=c11']] + ([['c++', '-xc++', '-std=c++17']] if shutil.which('c++') else [])
    for compiler in compilers:
        for header in sorted((include / 'swell').glob('*.h')):
            run(*compiler, '-Wall', '-Wextra', '-Wpedantic', '-Werror', '-fsyntax-only', *flags, '-',
                input=f'#include <swell/{header.name}>\n')
            print(f'ok: {header.name} by {compiler[0]}')


def check_symbols(library):
    names = [line.split()[-1] for line in run('nm', '-D', '--defined-only', library).splitlines()]
    strangers = [name for name in names if not name.startswith('swell_')]
    assert names and not strangers, strangers
    print(f'ok: {len(names)} symbols')


def main():
    build = Path(sys.argv[1])
    if not all(map(shutil.which, ['pkg-config', 'meson', 'cc', 'nm'])):
        return SKIPPED
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        run('meson', 'install', '-C', build, '--no-rebuild', '--destdir', root)
        os.environ['PKG_CONFIG_PATH'] = str(next(root.rglob('swell.pc')).parent)
        os.environ['PKG_CONFIG_SYSROOT_DIR'] = str(root)
        flags = run('pkg-config', '--cflags', 'swell').split()
        libs = run('pkg-config', '--libs', 'swell').split()
        static = run('pkg-config', '--libs', '--static', 'swell').split()
        check_host(root, flags, libs, 'host')
        check_host(root, flags, ['-static', *static], 'host-static')
        check_headers(next(root.rglob('swell/swell.h')).parent.parent, flags)
        check_symbols(next(root.rglob('libswell.so')))
        assert re.search(r'^\.Dt SWELL-RUN 1|^\.Sh OPTIONS', next(root.rglob('swell-run.1')).read_text(), re.M)
    return 0


if __name__ == '__main__':
    sys.exit(main())
