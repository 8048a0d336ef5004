"""Files that are no programs: cut short, altered, of another kind. Each gives a message with the place
and exit code 2, and nothing ever ends the program by a signal."""
import random
import re

from harness import Case, Failure, expect

PLACE = re.compile(r'0x[0-9a-f]+|\boffset \d+|\bat \d+|\bbyte \d+')


def section(number, *parts):
    body = b''.join(part if isinstance(part, bytes) else bytes(part) for part in parts)
    return bytes([number, len(body)]) + body


def name(text):
    return bytes([len(text)]) + text.encode()


# (func (export "_start") (call 0 (i32.const 42))) with a memory, a global, data and an import.
SECTIONS = [
    section(1, [2, 0x60, 1, 0x7f, 0, 0x60, 0, 0]),
    section(2, [1], name('wasi_snapshot_preview1'), name('proc_exit'), [0, 0]),
    section(3, [1, 1]),
    section(5, [1, 0, 1]),
    section(6, [1, 0x7f, 1, 0x41, 7, 0x0b]),
    section(7, [2], name('memory'), [2, 0], name('_start'), [0, 1]),
    section(10, [1, 6, 0, 0x41, 42, 0x10, 0, 0x0b]),
    section(11, [1, 0, 0x41, 8, 0x0b, 2], b'hi'),
]
MODULE = b'\0asm\1\0\0\0' + b''.join(SECTIONS)
# Cut there, what is left is a whole module too: empty, with types, with an import.
WHOLE = {8, 8 + len(SECTIONS[0]), 8 + len(SECTIONS[0] + SECTIONS[1]), len(MODULE) - len(SECTIONS[-1])}


def feed(box, verb, content):
    (box.path / 'file.wasm').write_bytes(content)
    return box.run([*verb, 'file.wasm'], limit=20)


def refused(box, verb, content, what):
    result = feed(box, verb, content)
    expect(result.returncode == 2, f'{what}: exit code {result.returncode}, not 2', result)
    expect(result.talk.strip(), f'{what}: no message', result)
    expect(PLACE.search(result.talk), f'{what}: the message names no place', result)
    expect(result.text == '', f'{what}: something on stdout', result)


def intact(box):
    result = feed(box, ['run'], MODULE)
    expect(result.returncode == 42, f'exit code {result.returncode}, not 42', result)
    result = feed(box, ['validate'], MODULE)
    expect(result.returncode == 0, 'does not validate', result)


def every_prefix(verb):
    def check(box):
        for size in range(len(MODULE)):
            if size not in WHOLE:
                refused(box, verb, MODULE[:size], f'the first {size} bytes')
    return check


def whole_prefixes(box):
    for size in sorted(WHOLE):
        result = feed(box, ['validate'], MODULE[:size])
        expect(result.returncode == 0, f'the first {size} bytes do not validate', result)


def every_byte(box):
    for place in range(len(MODULE)):
        for value in (0x00, 0x7f, 0x80, 0xff):
            content = bytearray(MODULE)
            content[place] = value
            result = feed(box, ['validate'], bytes(content))
            # A byte may also name a feature that is not there, which is no fault of the file.
            expect(result.returncode in (0, 2) or 'needs' in result.talk,
                   f'byte {place} = {value:#x}: {result.returncode}', result)
            if result.returncode != 0:
                expect(PLACE.search(result.talk), f'byte {place} = {value:#x}: no message', result)


def cut_guest(guest, count):
    """Prefixes of a real guest of all sizes, a few of which may be whole."""
    def check(box):
        content = box.guest(guest).read_bytes()
        for i in range(count):
            size = len(content) * i // count
            result = feed(box, ['validate'], content[:size])
            expect(result.returncode in (0, 2), f'the first {size} bytes: {result.returncode}', result)
            expect(result.returncode == 0 or PLACE.search(result.talk),
                   f'the first {size} bytes: the message names no place', result)
    return check


def altered_guest(guest, count):
    """A real guest with bytes changed at random, but the same ones every time."""
    def check(box):
        content = box.guest(guest).read_bytes()
        dice = random.Random(7)
        for _ in range(count):
            altered = bytearray(content)
            places = [dice.randrange(len(content)) for _ in range(dice.choice((1, 2, 8)))]
            for place in places:
                altered[place] = dice.randrange(256)
            result = feed(box, ['run', '--timeout', '2s'], bytes(altered))
            expect(result.returncode >= 0 and 'Sanitizer' not in result.talk,
                   f'bytes {places} altered: ended by signal {-result.returncode}', result)
    return check


def files(box):
    for what, content in (('nothing', b''), ('text', b'#!/bin/sh\necho\n'), ('a program', b'\x7fELF\2\1\1'),
                          ('text of a module', b'(module)'), ('zeros', bytes(4096)),
                          ('another version', b'\0asm\2\0\0\0'), ('another layer', b'\0asm\r\0\2\0')):
        refused(box, ['run'], content, what)
        refused(box, ['validate'], content, what)


def invalid(box):
    # A function that leaves nothing where it must leave a number: decoded, but not valid.
    content = (b'\0asm\1\0\0\0' + section(1, [1, 0x60, 0, 1, 0x7f]) + section(3, [1, 0])
               + section(10, [1, 2, 0, 0x0b]))
    for verb in (['run'], ['validate'], ['compile', '-o', 'out.swell']):
        refused(box, verb, content, verb[0])
    if (box.path / 'out.swell').exists():
        raise Failure('compile left a file')


def long_section(box):
    # Counts and sizes that ask for more than there is must fail before they are believed.
    for content in (section(1, [0xff, 0xff, 0xff, 0xff, 0x0f]), section(3, [0xff, 0xff, 0xff, 0x7f]),
                    bytes([10, 0xff, 0xff, 0xff, 0xff, 0x0f]), section(0, [0xff, 0xff, 0x7f])):
        refused(box, ['run'], b'\0asm\1\0\0\0' + content, content.hex())


def missing_import(box):
    content = (b'\0asm\1\0\0\0' + section(1, [1, 0x60, 0, 0])
               + section(2, [1], name('somewhere'), name('something'), [0, 0]))
    result = feed(box, ['run'], content)
    expect(result.returncode == 1, f'exit code {result.returncode}, not 1', result)
    expect('somewhere' in result.talk and 'something' in result.talk, 'the import is not named', result)


def no_start(box):
    result = feed(box, ['run'], MODULE[:8])
    expect(result.returncode in (1, 2), f'exit code {result.returncode}', result)
    expect('_start' in result.talk, 'the message does not say what is missing', result)


CASES = [
    Case('the whole module runs', call=intact),
    Case('every prefix of a module, validate', call=every_prefix(['validate'])),
    Case('every prefix of a module, run', call=every_prefix(['run'])),
    Case('prefixes that are modules', call=whole_prefixes),
    Case('every byte altered', call=every_byte),
    Case('files of other kinds', call=files),
    Case('a module that is not valid', call=invalid),
    Case('counts beyond the file', call=long_section),
    Case('an import that nobody offers', call=missing_import),
    Case('a module without a start', call=no_start),
    Case('prefixes of a guest', call=cut_guest('hello', 100)),
    Case('prefixes of a component', call=cut_guest('hello.component', 200)),
    Case('a guest altered at random', call=altered_guest('hello', 60)),
    Case('a component altered at random', call=altered_guest('hello.component', 60)),
]
