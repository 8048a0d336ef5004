"""The runner's machinery: a case is one run of the program and all that must be true of it afterwards.

Every case has a folder of its own, the box, which its grants may name as {box} and in which the program
runs; the compile cache lies in it too, so that no case sees another's. Nothing asserts a time, except
that every run must end before its limit.
"""
import functools
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / 'tools'))
from common import GUESTS, swell, tinted  # noqa: E402

LIMIT_SECONDS = float(os.environ.get('SWELL_E2E_LIMIT', 60))
SHOWN_BYTES = 600


class Link(str):
    """In a case's files: a symbolic link to this target."""


class Folder(str):
    """In a case's files: an empty folder."""


class Absent(str):
    """In a case's files afterwards: nothing by this name."""


@dataclass
class Case:
    """One row. In args, options and expected texts, {box} stands for the case's folder."""
    name: str
    guest: str = ''                              # its file in build/guests is GUEST.wasm
    args: list = field(default_factory=list)     # the guest's arguments
    options: list = field(default_factory=list)  # of `swell run`, before the file
    command: list = None                         # instead: everything after `swell`
    stdin: bytes = b''
    out: object = None                           # stdout: exact text, or a compiled pattern; None: any
    err: list = field(default_factory=list)      # fragments or patterns that stderr must hold, in any order
    err_not: list = field(default_factory=list)  # and those it must not
    code: int = 0
    component_code: int = None                   # where a component's exit code differs
    files: dict = field(default_factory=dict)    # laid out in the box before
    after: dict = field(default_factory=dict)    # what must lie there afterwards
    env: dict = field(default_factory=dict)      # the program's own environment, beside a minimal one
    kinds: tuple = ('module', 'component')       # in which forms the guest runs
    call: object = None                          # instead of one run: a function of (Box) that checks


class Failure(Exception):
    """What was expected and did not come."""


class Skip(Exception):
    """Why a case cannot run here."""


@functools.cache
def is_sanitized():
    return b'__asan_init' in Path(swell()).read_bytes()


class Box:
    """A case's folder and the ways to run the program in it."""

    def __init__(self, path):
        self.path = path
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)

    def lay_out(self, files):
        for name, content in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Link):
                path.symlink_to(content.replace('{box}', str(self.path)))
            elif isinstance(content, Folder):
                path.mkdir(exist_ok=True)
            else:
                path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def fill(self, text):
        return str(text).replace('{box}', str(self.path))

    @property
    def is_walled(self):
        """Whether `swell serve` is to confine itself. At the end of a program the leak checker makes a
        process that stops and reads the first one, which is what confinement is against: so programs with
        it are confined where that is what is tested, and then look for no leaks."""
        return not is_sanitized() or self.path.parent.name == 'sandbox'

    def with_wall(self, command):
        """The words, so that a server is as is_walled says."""
        is_off = command[:1] != ['serve'] or self.is_walled or '--no-sandbox' in command
        return command if is_off else ['serve', '--no-sandbox', *command[1:]]

    def environment(self, more):
        env = {'PATH': os.environ.get('PATH', ''), 'HOME': str(self.path),
               'XDG_CACHE_HOME': str(self.path / '.cache')}
        env.update({name: self.fill(value) for name, value in more.items()})
        for name in ('ASAN_OPTIONS', 'UBSAN_OPTIONS', 'LD_LIBRARY_PATH'):
            if name in os.environ:
                env[name] = os.environ[name]
        if is_sanitized() and self.is_walled:
            env['ASAN_OPTIONS'] = env.get('ASAN_OPTIONS', '') + ':detect_leaks=0'
        return env

    def run(self, command, stdin=b'', env=None, limit=None):
        """Runs `swell COMMAND...`; the result has stdout, stderr (text) and returncode."""
        command = [str(swell()), *(self.fill(part) for part in self.with_wall(command))]
        try:
            result = subprocess.run(command, input=stdin, capture_output=True, cwd=self.path,
                                    env=self.environment(env or {}), timeout=limit or LIMIT_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise Failure(f'still running after {error.timeout:g} s: {" ".join(command)}') from error
        result.text = result.stdout.decode(errors='replace')
        result.talk = result.stderr.decode(errors='replace')
        expect(result.returncode >= 0, f'ended by signal {-result.returncode}', result)
        expect('Sanitizer' not in result.talk, 'a sanitizer reports', result)
        return result

    def start(self, command, env=None):
        """Starts `swell COMMAND...` with pipes; the caller ends it."""
        return subprocess.Popen([str(swell()), *(self.fill(part) for part in command)], cwd=self.path,
                                env=self.environment(env or {}), stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def guest(self, name):
        """The file of a guest; Skip when it could not be built here."""
        path = GUESTS / f'{name}.wasm'
        if not path.exists():
            raise Skip(f'{path.name} is not built')
        return path


def shown(text):
    text = text if len(text) <= SHOWN_BYTES else text[:SHOWN_BYTES] + ' ...'
    return '\n'.join('      | ' + line for line in text.splitlines()) or '      | (nothing)'


def expect(condition, message, result=None):
    """Raises Failure with the message, and with what the run wrote."""
    if condition:
        return
    if result is not None:
        message += f'\n    exit code {result.returncode}, stdout:\n{shown(result.text)}'
        message += f'\n    stderr:\n{shown(result.talk)}'
    raise Failure(message)


def holds(fragment, text):
    return fragment.search(text) if isinstance(fragment, re.Pattern) else fragment in text


def described(fragment):
    return f'/{fragment.pattern}/' if isinstance(fragment, re.Pattern) else repr(fragment)


def check_streams(box, case, result):
    if isinstance(case.out, re.Pattern):
        expect(case.out.search(result.text), f'stdout does not match /{case.out.pattern}/', result)
    elif case.out is not None:
        wanted = box.fill(case.out)
        expect(result.text == wanted, f'stdout is not\n{shown(wanted)}', result)
    for fragment in case.err:
        if isinstance(fragment, str):
            fragment = box.fill(fragment)
        expect(holds(fragment, result.talk), f'stderr lacks {described(fragment)}', result)
    for fragment in case.err_not:
        expect(not holds(fragment, result.talk), f'stderr has {described(fragment)}', result)


def check_files(box, after):
    for name, content in after.items():
        path = box.path / name
        if isinstance(content, Absent):
            expect(not os.path.lexists(path), f'{name} exists afterwards')
        elif isinstance(content, Folder):
            expect(path.is_dir(), f'{name} is no folder afterwards')
        elif isinstance(content, Link):
            expect(path.is_symlink() and os.readlink(path) == box.fill(content),
                   f'{name} is not a link to {content} afterwards')
        else:
            wanted = content if isinstance(content, bytes) else content.encode()
            found = path.read_bytes() if path.is_file() else None
            expect(found == wanted, f'{name} holds {found!r} afterwards, not {wanted!r}')


def run_case(case, kind, folder):
    """Raises Failure or Skip; returns nothing when all is as the row says."""
    box = Box(folder)
    box.lay_out(case.files)
    if case.call:
        case.call(box)
        return
    command, code = case.command, case.code
    if command is None:
        guest = box.guest(case.guest + ('.component' if kind == 'component' else ''))
        command = ['run', *case.options, guest, *case.args]
        if kind == 'component' and case.component_code is not None:
            code = case.component_code
    result = box.run(command, case.stdin, case.env)
    expect(result.returncode == code, f'exit code {result.returncode}, not {code}', result)
    check_streams(box, case, result)
    check_files(box, case.after)


def variants(case):
    if case.call or case.command is not None or len(case.kinds) == 1:
        return [(case.name, case.kinds[0])]
    return [(f'{case.name} ({kind})', kind) for kind in case.kinds]


def run_group(group, cases, only):
    """Runs the cases whose names hold one of the words; returns (passed, failed, skipped)."""
    counts = {'ok': 0, 'FAIL': 0, 'skip': 0}
    colours = {'ok': '32', 'FAIL': '31;1', 'skip': '33'}
    for case in cases:
        for name, kind in variants(case):
            full = f'{group}: {name}'
            if only and not any(word in full for word in only):
                continue
            folder = swell().parent / 'e2e' / group / re.sub(r'[^a-zA-Z0-9]+', '-', name)
            started, note = time.monotonic(), ''
            try:
                run_case(case, kind, folder)
                outcome = 'ok'
                shutil.rmtree(folder, ignore_errors=True)
            except Failure as error:
                outcome, note = 'FAIL', f': {error}'
            except Skip as error:
                outcome, note = 'skip', f': {error}'
            counts[outcome] += 1
            spent = time.monotonic() - started
            slow = f' ({spent:.1f} s)' if spent >= 1 and outcome == 'ok' else ''
            print(f'{tinted(f"{outcome:4}", colours[outcome])} {full}{note}{slow}', flush=True)
    return counts['ok'], counts['FAIL'], counts['skip']
