"""What the tools in this folder share: where things are, and how a C file becomes a guest.

Every outside tool is looked up here and nowhere else. A tool that is only of use for more tests or for
comparison is optional: its finder returns None, and the caller says what it skipped.
"""
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = Path(os.environ.get('SWELL_BUILD', ROOT / 'build')).resolve()
GUESTS = BUILD / 'guests'
NPM_PACKAGES = ['@bytecodealliance/jco@1.35.0', '@bytecodealliance/componentize-js@0.23.0',
                '@bytecodealliance/preview2-shim@0.26.0']

# Debian's C library for guests is older than the triple's present name, so it is linked under that.
TRIPLE = 'wasm32-wasip1'
DEBIAN_INCLUDE = Path('/usr/include/wasm32-wasi')
DEBIAN_LIB = Path('/usr/lib/wasm32-wasi')

SHOWN_LINES = 20


class ToolError(Exception):
    """A tool failed; the text is its command line and the first lines of what it wrote."""


def run(command, **options):
    """Runs a command and returns its output; raises ToolError with what it wrote when it fails."""
    command = [str(part) for part in command]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            stdin=subprocess.DEVNULL, text=True, errors='replace', **options)
    if result.returncode:
        lines = result.stdout.rstrip().splitlines()
        shown = lines[:SHOWN_LINES] + (['...'] if len(lines) > SHOWN_LINES else [])
        raise ToolError('\n'.join([' '.join(command), *shown, f'exit code {result.returncode}']))
    return result.stdout


def swell():
    """The program under test."""
    return Path(os.environ.get('SWELL', BUILD / 'swell')).resolve()


def clang():
    """A clang that has the WebAssembly target, or None."""
    for name in [os.environ.get('SWELL_CLANG'), 'clang-22', 'clang']:
        path = name and shutil.which(name)
        if path and 'wasm32' in run([path, '--print-targets']):
            return path
    return None


def sysroot():
    """A sysroot for guests: $WASI_SYSROOT, or Debian's wasi-libc under the triple's present name."""
    if os.environ.get('WASI_SYSROOT'):
        return Path(os.environ['WASI_SYSROOT'])
    if not DEBIAN_INCLUDE.is_dir():
        return None
    root = BUILD / 'sysroot'
    for folder, target in (('include', DEBIAN_INCLUDE), ('lib', DEBIAN_LIB)):
        link = root / folder / TRIPLE
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.is_symlink():
            link.symlink_to(target)
    return root


def guest_compiler():
    """The command that compiles C to a guest, as a list without files; None where that is impossible."""
    compiler, root = clang(), sysroot()
    if not compiler or not root:
        return None
    # Without --no-wasm-opt the driver passes the result through any wasm-opt it finds on the path.
    return [compiler, f'--target={TRIPLE}', f'--sysroot={root}', '-O2', '--no-wasm-opt']


def npm_bin(name):
    """A program from an npm package: on PATH, in $SWELL_NPM or in build/npm; None when absent."""
    folders = [os.environ.get('SWELL_NPM'), BUILD / 'npm']
    for folder in filter(None, folders):
        path = Path(folder) / 'node_modules' / '.bin' / name
        if path.exists():
            return str(path)
    return shutil.which(name)


def npm_install():
    """Installs the packages that make components into build/npm; False when that does not work."""
    if not shutil.which('npm') or os.environ.get('SWELL_NO_NPM'):
        return False
    folder = BUILD / 'npm'
    folder.mkdir(parents=True, exist_ok=True)
    (folder / 'package.json').write_text('{"name": "guests", "private": true}\n')
    try:
        run(['npm', 'install', '--no-audit', '--no-fund', '--legacy-peer-deps', *NPM_PACKAGES],
            cwd=folder, timeout=600)
    except (ToolError, subprocess.TimeoutExpired, OSError) as error:
        print(f'npm: {str(error).splitlines()[-1]}', file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        return False
    return True


def jco():
    """The component tool from npm, or None."""
    return npm_bin('jco')


def wasm_tools():
    """wasm-tools: $SWELL_WASM_TOOLS, in build/cargo, or on PATH; None when absent."""
    named = os.environ.get('SWELL_WASM_TOOLS')
    return named or shutil.which(str(BUILD / 'cargo' / 'bin' / 'wasm-tools')) or shutil.which('wasm-tools')


def newer(target, *sources):
    """True when the target exists and is younger than every source."""
    if not target.exists():
        return False
    age = target.stat().st_mtime
    return all(Path(source).stat().st_mtime <= age for source in sources)


def tinted(text, code):
    """The text in a colour, when stdout is a terminal that wants one."""
    if not sys.stdout.isatty() or os.environ.get('NO_COLOR'):
        return text
    return f'\033[{code}m{text}\033[0m'
