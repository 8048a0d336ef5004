"""The command line: help, versions, mistakes and what they are answered with."""
import json
import os
import re
import shutil
import signal
import stat
import subprocess

from harness import Case, expect, swell

SMALL = b'\0asm\1\0\0\0'
HELP = re.compile(r'(?i)usage')


def mistake(name, command, *fragments, **more):
    """A usage error: exit code 2, nothing on stdout, and these fragments on stderr."""
    return Case(name, command=command, code=2, out='', err=list(fragments), **more)


def inspect_text(guest, *fragments):
    def check(box):
        result = box.run(['inspect', box.guest(guest)])
        expect(result.returncode == 0, f'exit code {result.returncode}', result)
        for fragment in fragments:
            expect(fragment in result.text, f'stdout lacks {fragment!r}', result)
    return check


def inspect_json(guest, *fragments):
    def check(box):
        result = box.run(['inspect', '--json', box.guest(guest)])
        expect(result.returncode == 0, f'exit code {result.returncode}', result)
        try:
            json.loads(result.text)
        except ValueError as error:
            expect(False, f'stdout is not JSON: {error}', result)
        for fragment in fragments:
            expect(fragment in result.text, f'stdout lacks {fragment!r}', result)
    return check


def full_disk(box):
    guest = box.guest('hello')
    with open('/dev/full', 'wb') as full:
        result = subprocess.run([swell(), 'run', guest], stdout=full, stderr=subprocess.PIPE, cwd=box.path,
                                env=box.environment({}), timeout=60)
    expect(result.returncode >= 0, f'ended by signal {-result.returncode}')


def closed_reader(box):
    """As `swell ... | head` ends: by the signal, which is 141 for a shell, and without a word."""
    hello = box.guest('hello')
    for command in (['run', hello], ['run', box.guest('hello.component')], ['run', box.guest('cat')],
                    ['inspect', hello], ['help']):
        reader, writer = os.pipe()
        os.close(reader)
        result = subprocess.run([swell(), *command], input=b'some bytes', stdout=writer, stderr=subprocess.PIPE,
                                cwd=box.path, env=box.environment({}), timeout=60)
        os.close(writer)
        expect(result.returncode == -signal.SIGPIPE, f'{command}: exit code {result.returncode}')
        expect(result.stderr == b'', f'{command}: says {result.stderr!r}')


def default_name(box):
    (box.path / 'file.wasm').write_bytes(SMALL)
    result = box.run(['compile', 'file.wasm'])
    expect(result.returncode == 0 and (box.path / 'file.swell').is_file(), 'no file.swell', result)


# A component that imports an instance of wasi:http/types, and nothing else.
NETWORK = (b'\0asm\r\0\1\0' b'\7\3\1B\0' b'\n\x1a\1\0\x15wasi:http/types@0.2.0\5\0')


def handed_over(box):
    """What needs the network is run by the full program, found in either of its places; without it the
    small one says where it looked."""
    (box.path / 'file.wasm').write_bytes(NETWORK)
    (box.path / 'bin').mkdir()
    small = box.path / 'bin' / 'swell'
    shutil.copy(swell(), small)

    def attempt():
        return subprocess.run([small, 'run', 'file.wasm'], cwd=box.path, env=box.environment({}),
                              capture_output=True, timeout=60)

    talk = attempt().stderr.decode()
    for fragment in ('swell-full', f'{small.parent}/swell-full', '../libexec/swell/swell-full'):
        expect(fragment in talk, f'stderr lacks {fragment!r}: {talk}')
    for place in (small.parent, box.path / 'libexec' / 'swell'):
        place.mkdir(parents=True, exist_ok=True)
        full = place / 'swell-full'
        full.write_text('#!/bin/sh\nexec echo "full: $*"\n')
        full.chmod(0o755)
        result = attempt()
        expect(result.returncode == 0 and result.stdout == b'full: run file.wasm\n', result.stderr.decode())
        full.unlink()


def report_to(command, redirect, message):
    """The program's own report goes where it cannot arrive: that is an error."""
    def check(box):
        (box.path / 'file.wasm').write_bytes(SMALL)
        result = subprocess.run(['sh', '-c', f'"$0" {command} {redirect}', swell()], cwd=box.path,
                                env=box.environment({}), capture_output=True, timeout=60)
        result.text, result.talk = result.stdout.decode(), result.stderr.decode()
        expect(result.returncode == 1, f'exit code {result.returncode}', result)
        expect(message in result.talk, f'stderr lacks {message!r}', result)
    return check


def closed_stdout(box):
    """With stdout closed no file that the program opens may take its place."""
    before = box.guest('hello').read_bytes()
    subprocess.run(['sh', '-c', '"$0" run "$1" >&-', swell(), box.guest('hello')], cwd=box.path,
                   env=box.environment({}), capture_output=True, timeout=60)
    expect(box.guest('hello').read_bytes() == before, 'the guest wrote into its own file')
    for path in box.path.rglob('*'):
        expect(path.is_dir() or b'hello, world\n' != path.read_bytes()[:13], f'the output is in {path}')


def interrupted(way):
    def check(box):
        process = box.start(['run', box.guest('spin'), way])
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        expect(process.returncode == -signal.SIGINT, f'exit code {process.returncode}')
    return check


def narrow_help(box):
    for verb in ('run', 'compile', 'inspect', 'validate', 'help', 'completion'):
        result = box.run([verb, '--help'])
        wide = [line for line in result.text.splitlines() if len(line) > 80 or line != line.rstrip()]
        expect(not wide, f'{verb}: {wide}', result)


def device_for_result(box):
    (box.path / 'file.wasm').write_bytes(SMALL)
    (box.path / 'real').write_bytes(b'')
    (box.path / 'link').symlink_to('real')
    for target in ('/dev/null', 'link'):
        result = box.run(['compile', 'file.wasm', '-o', target])
        expect(result.returncode == 0, f'{target}: exit code {result.returncode}', result)
    expect(stat.S_ISCHR(os.stat('/dev/null').st_mode), '/dev/null was replaced by a file')
    expect((box.path / 'link').is_symlink(), 'the link was replaced')
    expect((box.path / 'real').stat().st_size > 0, 'the target of the link is empty')


CASES = [
    Case('help', command=['--help'], out=HELP, err_not=['error']),
    Case('help of a verb', command=['run', '--help'], out=re.compile(r'--dir[^$]*--env[^$]*--timeout')),
    Case('version', command=['--version'], out=re.compile(r'^swell \d+\.\d+')),
    Case('nothing at all', command=[], code=2, out=HELP),

    mistake('a verb mistyped', ['rnu', 'x.wasm'], 'rnu', 'run'),
    mistake('a verb unlike any', ['qqqqqq'], 'qqqqqq'),
    mistake('an option mistyped', ['run', '--dri', 'x', 'file.wasm'], '--dri', '--dir',
            files={'file.wasm': SMALL}),
    mistake('a longer option mistyped', ['run', '--max-memry=1M', 'file.wasm'], '--max-memry',
            '--max-memory', files={'file.wasm': SMALL}),
    mistake('an option unlike any', ['run', '--qqqqqq', 'file.wasm'], '--qqqqqq',
            files={'file.wasm': SMALL}),
    mistake('an option without its value', ['run', '--dir'], '--dir'),
    mistake('a flag with a value', ['run', '--quiet-denials=x', 'file.wasm'], '--quiet-denials',
            files={'file.wasm': SMALL}),
    mistake('no file', ['run'], HELP),
    mistake('a time that is none', ['run', '--timeout', 'soon', 'file.wasm'], '--timeout', 'soon',
            files={'file.wasm': SMALL}),
    mistake('a negative time', ['run', '--timeout', '-1s', 'file.wasm'], '--timeout',
            files={'file.wasm': SMALL}),
    mistake('a size that is none', ['run', '--max-memory', '1Q', 'file.wasm'], '--max-memory', '1Q',
            files={'file.wasm': SMALL}),
    mistake('a size beyond all', ['run', '--max-memory', '99999999999999999999G', 'file.wasm'],
            '--max-memory', files={'file.wasm': SMALL}),
    mistake('too many files', ['validate', 'file.wasm', 'more'], 'more', files={'file.wasm': SMALL}),
    mistake('an option twice', ['run', '--timeout', '1s', '--timeout', '2s', 'file.wasm'], '--timeout',
            files={'file.wasm': SMALL}),

    Case('a file that is not there', command=['run', 'absent.wasm'], code=1, out='',
         err=['error: absent.wasm: No such file'], err_not=['absent.wasm: absent.wasm']),
    Case('a folder for a file', command=['run', '.'], code=1, out='', err=['.']),
    Case('a granted folder that is not there', 'hello', options=['--dir', '{box}/absent'], code=1,
         err=['absent'], kinds=('module',)),
    Case('a granted file', 'hello', options=['--dir', '{box}/file'], files={'file': ''}, code=1,
         err=['file'], kinds=('module',)),

    Case('compile names its result after the file', call=default_name),
    Case('validate says nothing when all is well', command=['validate', 'file.wasm'],
         files={'file.wasm': SMALL}, err_not=['error']),
    Case('inspect a module', call=inspect_text('hello', 'wasi_snapshot_preview1', 'fd_write', '_start')),
    Case('inspect a component', call=inspect_text('hello.component', 'wasi:cli/', 'wasi:cli/run@')),
    Case('inspect a module as JSON', call=inspect_json('hello', 'fd_write')),
    Case('inspect a component as JSON', call=inspect_json('fs.component', 'wasi:filesystem/types@')),
    Case('inspect standard input', command=['inspect', '-'], stdin=SMALL, out=re.compile('core module, 8')),
    Case('validate standard input', command=['validate', '-'], stdin=SMALL[:7], code=2, err=['at byte']),
    mistake('compile standard input to nowhere', ['compile', '-'], '-o', stdin=SMALL),
    Case('options after the file', command=['inspect', 'file.wasm', '--json'], files={'file.wasm': SMALL},
         out=re.compile('^{')),
    Case('help after the file', command=['inspect', 'file.wasm', '--help'], out=HELP),
    Case('the network needs the full program', call=handed_over),
    Case('a component with the network', command=['run', 'file.wasm'], files={'file.wasm': NETWORK}, code=1,
         err=['exports no'], err_not=['swell-full']),
    Case('a file with a dash', command=['validate', '--', '--json'], files={'--json': SMALL}),
    Case('many arguments', 'hello', args=['x'] * 5000, out='hello, world\n', kinds=('module',)),
    Case('no home', 'hello', out='hello, world\n', env={'HOME': '', 'XDG_CACHE_HOME': ''}),
    Case('help is narrow', call=narrow_help),
    Case('compile to a device and through a link', call=device_for_result),
    Case('a report to a full disk', call=report_to('inspect file.wasm', '>/dev/full', 'No space')),
    Case('a report to a closed stdout', call=report_to('inspect file.wasm', '>&-', 'standard output')),
    Case('a guest with a closed stdout', call=closed_stdout),
    Case('interrupted in a loop', call=interrupted('loop')),
    Case('interrupted asleep', call=interrupted('sleep')),
    Case('stdout is full', call=full_disk),
    Case('nobody reads stdout', call=closed_reader),
]
