"""`swell wit` and `swell component`: text, binaries, folders, and what is wrong with them."""
import json
import re
import subprocess

from harness import Absent, Case, expect, swell

TEXT = '''package a:b@1.0.0;

/// what there is
interface i {
  resource r {
    m: func() -> list<u8>;
  }
}

world w {
  import i;

  export run: func();
}
'''
GATED = 'package a:b;\ninterface i { @unstable(feature = x) f: func(); g: func(); }\n'
SMALL = b'\0asm\1\0\0\0'


def run(box, *words, code=0):
    done = subprocess.run([swell(), *words], capture_output=True, cwd=box.path, env=box.environment({}), timeout=60)
    expect(done.returncode == code, f'exit code {done.returncode} of {words}: {done.stderr.decode()}')
    return done.stdout


def round_trip(box):
    """Text, binary, text, binary: the same."""
    (box.path / 'a.wit').write_text(TEXT)
    run(box, 'wit', '--wasm', '-o', 'a.wasm', 'a.wit')
    printed = run(box, 'wit', 'a.wasm')
    expect(printed.decode() == TEXT, printed)
    (box.path / 'b.wit').write_bytes(printed)
    run(box, 'wit', '-w', '-o', 'b.wasm', 'b.wit')
    expect((box.path / 'a.wasm').read_bytes() == (box.path / 'b.wasm').read_bytes(), 'the binaries differ')
    run(box, 'validate', 'a.wasm')


def embedded(box):
    """A module with metadata twice; its world; and the module without it again."""
    (box.path / 'a.wit').write_text(TEXT)
    (box.path / 'm.wasm').write_bytes(SMALL)
    run(box, 'component', 'embed', 'a.wit', 'm.wasm', '-o', 'one.wasm')
    run(box, 'component', 'embed', 'a.wit', 'one.wasm', '--world', 'w', '--string-encoding', 'utf16', '-o', 'two.wasm')
    world = run(box, 'wit', 'two.wasm').decode()
    expect('world root {\n  import a:b/i@1.0.0;\n\n  export run: func();\n}' in world, world)
    metadata = json.loads(run(box, 'component', 'metadata', '--json', 'two.wasm'))
    expect([s['name'] for s in metadata['sections']] == ['component-type:w'] * 2, metadata)
    run(box, 'component', 'strip', 'two.wasm', '-o', 'kept.wasm')
    expect((box.path / 'kept.wasm').read_bytes() == (box.path / 'two.wasm').read_bytes(), 'metadata is gone')
    run(box, 'component', 'strip', '--delete', 'component-type:w', 'two.wasm', '-o', 'bare.wasm')
    expect((box.path / 'bare.wasm').read_bytes() == SMALL, 'not the module of before')


def component(box):
    """The world of a real component, its parts, and the component without what is not needed to run."""
    guest = box.guest('hello.component')
    world = run(box, 'wit', guest).decode()
    expect(world.startswith('package root:component;\n\nworld root {\n'), world)
    expect(re.search(r'export wasi:cli/run@0\.2\.\d+;', world), world)
    expect('producers' in run(box, 'component', 'metadata', guest).decode(), 'no producers')
    run(box, 'component', 'strip', '--all', guest, '-o', 'small.wasm')
    expect(run(box, 'run', 'small.wasm') == run(box, 'run', guest), 'it does something else')
    names = run(box, 'component', 'unbundle', guest, '--out-dir', 'parts').decode().split()
    expect(len(names) > 1, names)
    for name in names:
        run(box, 'validate', name)


def folder(box):
    """A folder with dependencies as text and as binary, written out as a folder again."""
    (box.path / 'io').mkdir()
    (box.path / 'io' / 'io.wit').write_text('package x:io@0.2.0;\ninterface s { resource r; f: func(); }\n')
    run(box, 'wit', '-w', '-o', 'io.wasm', 'io')
    (box.path / 'wit' / 'deps').mkdir(parents=True)
    (box.path / 'io.wasm').rename(box.path / 'wit' / 'deps' / 'io.wasm')
    (box.path / 'wit' / 'deps' / 'k.wit').write_text('package x:k;\ninterface k { type t = u8; }\n')
    (box.path / 'wit' / 'a.wit').write_text(
        'package a:b;\nworld w { import i; }\ninterface i { use x:io/s@0.2.0.{r}; use x:k/k.{t}; }\n')
    run(box, 'wit', 'check')
    first = run(box, 'wit', 'wit')
    run(box, 'wit', '--out-dir', 'out', 'wit')
    expect(sorted(p.name for p in (box.path / 'out' / 'deps').iterdir()) == ['x-io@0.2.0.wit', 'x-k.wit'], 'other files')
    again = run(box, 'wit', 'out')
    expect(sorted(first.splitlines()) == sorted(again.splitlines()), again)


CASES = [
    Case('wit prints', command=['wit', 'a.wit'], files={'a.wit': TEXT}, out=TEXT),
    Case('wit of standard input', command=['wit', '-'], stdin=TEXT.encode(), out=TEXT),
    Case('wit without comments', command=['wit', '--no-docs', 'a.wit'], files={'a.wit': TEXT},
         out=TEXT.replace('/// what there is\n', '')),
    Case('wit drops what is unstable', command=['wit', 'a.wit'], files={'a.wit': GATED},
         out='package a:b;\n\ninterface i {\n  g: func();\n}\n'),
    Case('wit with a feature', command=['wit', '--features', 'y,x', 'a.wit'], files={'a.wit': GATED},
         out=re.compile(r'@unstable\(feature = x\)\n  f: func')),
    Case('wit with all features', command=['wit', '--all-features', 'a.wit'], files={'a.wit': GATED},
         out=re.compile(r'f: func')),
    Case('wit check', command=['wit', 'check', 'a.wit'], files={'a.wit': TEXT}, out=''),
    Case('wit check finds', command=['wit', 'check'], files={'wit/a.wit': 'package a:b;\ninterface i { f: func() -> q; }\n'},
         code=2, out='', err=['error: wit/a.wit:2:28: type `q` does not exist\n', '    2 | interface i { f: func() -> q; }\n',
              '      |                            ^\n']),
    Case('wit of nothing', command=['wit', 'absent'], code=1, out='', err=['absent']),
    Case('wit of a module', command=['wit', 'm.wasm'], files={'m.wasm': SMALL}, code=1, out='',
         err=['a core module without a component-type section']),
    Case('wit of a broken binary', command=['wit', '-w', '-o', 'x.wasm', 'm.wasm'], files={'m.wasm': b'\0asm\x0d\0\1\0\7\1'},
         code=2, out='', err=['m.wasm: ', '(at byte 10, 0xa)'], after={'x.wasm': Absent()}),
    Case('wit needs a file for a binary', command=['wit', '--wasm', 'a.wit'], files={'a.wit': TEXT}, code=2, out='',
         err=['--output']),
    Case('component of an unknown kind', command=['component', 'enbed'], code=2, out='',
         err=["'enbed'", "did you mean 'swell component embed'?"]),
    Case('component embed of nothing', command=['component', 'embed', 'a.wit'], code=2, out='', err=['takes WIT MODULE']),
    Case('component strip of two', command=['component', 'strip', 'a', 'b'], code=2, out='', err=['strip takes FILE']),
    Case('wit without a package', command=['wit', 'a.wit'], files={'a.wit': ''}, code=2, out='',
         err=['error: a.wit: no `package` header']),
    Case('component embed without a world', command=['component', 'embed', 'a.wit', 'm.wasm', '-o', 'x.wasm'],
         files={'a.wit': 'package a:b; world v { } world w { }', 'm.wasm': SMALL}, code=1, out='',
         err=['several worlds', '`v`, `w`'], after={'x.wasm': Absent()}),
    Case('component embed into a component', command=['component', 'embed', 'a.wit', 'm.wasm', '-o', 'x.wasm'],
         files={'a.wit': TEXT, 'm.wasm': b'\0asm\x0d\0\1\0'}, code=2, out='', err=['core module'], after={'x.wasm': Absent()}),
    Case('component strip of garbage', command=['component', 'strip', 'm.wasm', '-o', 'x.wasm'],
         files={'m.wasm': b'garbage garbage'}, code=2, out='', err=['m.wasm'], after={'x.wasm': Absent()}),
    Case('a package there and back', call=round_trip),
    Case('metadata in a module', call=embedded),
    Case('a component', call=component),
    Case('folders', call=folder),
]
