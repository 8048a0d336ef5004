"""The command line: help, versions, mistakes and what they are answered with."""
import json
import re
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
    process = box.start(['run', box.guest('cat')])
    process.stdout.close()
    try:
        process.communicate(bytes(1 << 20), timeout=60)
    except BrokenPipeError:
        pass
    expect(process.wait(60) in (1, -13, 141), f'exit code {process.returncode}')


def default_name(box):
    (box.path / 'file.wasm').write_bytes(SMALL)
    result = box.run(['compile', 'file.wasm'])
    expect(result.returncode == 0 and (box.path / 'file.swell').is_file(), 'no file.swell', result)


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
    Case('stdout is full', call=full_disk),
    Case('nobody reads stdout', call=closed_reader),
]
