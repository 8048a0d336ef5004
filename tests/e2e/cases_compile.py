"""Compiled files and the cache: the same program, trusted only where it may be."""
import subprocess
from concurrent.futures import ThreadPoolExecutor

from harness import Case, expect

HELLO = 'hello, world\n'


def compiled(box, guest='hello'):
    """Compiles a guest in the box and returns the file."""
    result = box.run(['compile', box.guest(guest), '-o', 'out.swell'])
    expect(result.returncode == 0, f'compile: exit code {result.returncode}', result)
    return box.path / 'out.swell'


def compile_and_run(guest, out, *args):
    def check(box):
        result = box.run(['run', '--allow-compiled', compiled(box, guest), *args])
        expect(result.returncode == 0 and result.text == out, 'the compiled file does another thing', result)
    return check


def not_without_leave(box):
    result = box.run(['run', compiled(box)])
    expect(result.returncode == 1, f'exit code {result.returncode}, not 1', result)
    expect('--allow-compiled' in result.talk, 'the option is not named', result)
    expect(result.text == '', 'it ran', result)


def renamed_is_still_compiled(box):
    path = compiled(box)
    path = path.rename(path.with_name('innocent.wasm'))
    result = box.run(['run', path])
    expect(result.returncode == 1 and result.text == '', f'exit code {result.returncode}, not 1', result)


def altered_header(box):
    path = compiled(box)
    content = path.read_bytes()
    for place in range(64):
        altered = bytearray(content)
        altered[place] ^= 0xff
        path.write_bytes(altered)
        result = box.run(['run', '--allow-compiled', path])
        expect(result.returncode in (1, 2) or (result.returncode == 0 and result.text == HELLO),
               f'byte {place} altered: exit code {result.returncode}', result)
    # What names the format and the build is in the first bytes; altering those must be refused.
    for start, end in ((0, 8), (8, 16), (16, 32)):
        altered = bytearray(content)
        altered[start:end] = bytes(byte ^ 0xff for byte in altered[start:end])
        path.write_bytes(altered)
        result = box.run(['run', '--allow-compiled', path])
        expect(result.returncode in (1, 2) and result.text == '', f'bytes {start} to {end} altered', result)


def cut_short(box):
    path = compiled(box)
    content = path.read_bytes()
    for i in range(60):
        path.write_bytes(content[:len(content) * i // 60])
        result = box.run(['run', '--allow-compiled', path])
        expect(result.returncode == 2, f'{i}/60 of the file: exit code {result.returncode}, not 2', result)
    expect(result.text == '', 'it ran', result)


def no_file_left(box):
    (box.path / 'bad.wasm').write_bytes(b'\0asm\1\0\0\0\1')
    result = box.run(['compile', 'bad.wasm', '-o', 'out.swell'])
    expect(result.returncode == 2, f'exit code {result.returncode}, not 2', result)
    left = sorted(path.name for path in box.path.iterdir() if path.name != '.cache')
    expect(left == ['bad.wasm'], f'left behind: {left}')


def no_such_folder(box):
    result = box.run(['compile', box.guest('hello'), '-o', 'absent/out.swell'])
    expect(result.returncode == 1, f'exit code {result.returncode}, not 1', result)
    expect('absent' in result.talk, 'the place is not named', result)


def cached(box):
    folder = box.path / '.cache' / 'swell'
    return sorted(path for path in folder.rglob('*') if path.is_file()) if folder.is_dir() else []


def run_hello(box, what, **more):
    result = box.run(['run', box.guest('hello')], **more)
    expect(result.returncode == 0 and result.text == HELLO, f'{what}: exit code {result.returncode}', result)
    return result


def second_run_uses_the_first(box):
    run_hello(box, 'first run')
    first = {path: path.stat().st_ino for path in cached(box)}
    expect(first, 'nothing in the cache')
    run_hello(box, 'second run')
    second = {path: path.stat().st_ino for path in cached(box)}
    expect(first == second, f'the cache changed: {first} {second}')


def one_entry_for_one_content(box):
    content = box.guest('hello').read_bytes()
    for name in ('a.wasm', 'b.wasm'):
        (box.path / name).write_bytes(content)
        result = box.run(['run', name])
        expect(result.text == HELLO, 'another output', result)
    one = len(cached(box))
    (box.path / 'c.wasm').write_bytes(content + b'\0\2\1x')  # an empty custom section more
    box.run(['run', 'c.wasm'])
    expect(len(cached(box)) > one, 'another content has no entry of its own')


def corrupted_cache(box):
    run_hello(box, 'first run')
    entry = max(cached(box), key=lambda path: path.stat().st_size)
    content = entry.read_bytes()
    for i in range(40):
        altered = bytearray(content)
        place = len(content) * i // 40
        altered[place] ^= 0xff
        entry.unlink()
        entry.write_bytes(altered)
        run_hello(box, f'byte {place} of {len(content)} altered')
    for what, bad in (('empty', b''), ('half', content[:len(content) // 2]), ('zeros', bytes(len(content))),
                      ('longer', content + b'x' * 5000)):
        entry.unlink()
        entry.write_bytes(bad)
        run_hello(box, what)
    entry.unlink()
    entry.mkdir()
    run_hello(box, 'a folder')


def unusable_cache(box):
    (box.path / 'file').write_text('')
    run_hello(box, 'the cache is a file', env={'XDG_CACHE_HOME': '{box}/file'})
    run_hello(box, 'the cache is nowhere', env={'XDG_CACHE_HOME': '/proc/absent'})
    run_hello(box, 'the cache is empty text', env={'XDG_CACHE_HOME': ''})
    run_hello(box, 'no home', env={'XDG_CACHE_HOME': '', 'HOME': ''})


def many_writers(box):
    guest = box.guest('fs')
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: box.run(['run', guest]), range(24)))
    for result in results:
        expect(result.returncode == 0 and result.talk == '', 'one of many failed', result)
    names = [path.name for path in cached(box)]
    run = box.run(['run', guest])
    expect(run.returncode == 0, 'not afterwards', run)
    expect([path.name for path in cached(box)] == names and len(names) <= 2, f'in the cache: {names}')


def capped_cache(box):
    guests = [box.guest(name) for name in ('hello', 'args', 'env', 'exit', 'cat', 'floats', 'fs', 'poll')]
    for _ in range(2):
        for guest in guests:
            result = box.run(['run', guest], env={'SWELL_CACHE_MAX': '400KiB'})
            expect('cache' not in result.talk, 'the cache complains', result)
    total = sum(path.stat().st_size for path in cached(box))
    expect(total <= 400 << 10, f'{total} bytes in the cache')
    result = box.run(['run', guests[0]], env={'SWELL_CACHE_MAX': 'much'})
    expect(result.returncode == 2 and 'much' in result.talk, 'a cap that is none is taken', result)


def killed_writer(box):
    guest = box.guest('fs')
    for delay in (0.0005, 0.001, 0.002, 0.004, 0.008, 0.016):
        process = box.start(['run', guest])
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()
        result = box.run(['run', guest])
        expect(result.returncode == 0, f'after a kill at {delay} s', result)


def lacking_processor(box):
    """glibc's tunables hide features from the program."""
    path = compiled(box)
    env = {'GLIBC_TUNABLES': 'glibc.cpu.hwcaps=-AVX,-BMI2'}
    for args in (['run', box.guest('hello')], ['run', '--allow-compiled', path]):
        result = box.run(args, env=env)
        expect(result.returncode == 1 and result.text == '', f'exit code {result.returncode}, not 1', result)
        expect(result.talk.count('\n') == 1 and 'this processor lacks AVX, BMI2,' in result.talk,
               'another error', result)
    result = box.run(['compile', box.guest('hello'), '-o', 'there.swell'], env=env)
    expect(result.returncode == 0, 'not compiled', result)
    expect((box.path / 'there.swell').read_bytes() == path.read_bytes(), 'another file')


CASES = [
    Case('compile and run a module', call=compile_and_run('hello', HELLO)),
    Case('compile and run a component', call=compile_and_run('hello.component', HELLO)),
    Case('compile and run a program with arguments', call=compile_and_run('args', '1 arguments\n[x]\n', 'x')),
    Case('compile and run JavaScript', call=compile_and_run('js-hello.component', 'hello from JavaScript\n')),
    Case('a .wasm file is welcome where a compiled one is', 'hello', options=['--allow-compiled'], out=HELLO),
    Case('not without --allow-compiled', call=not_without_leave),
    Case('the name does not matter', call=renamed_is_still_compiled),
    Case('an altered header', call=altered_header),
    Case('a processor that lacks what code needs', call=lacking_processor),
    Case('cut short', call=cut_short),
    Case('a malformed file leaves nothing behind', call=no_file_left),
    Case('no such folder for the result', call=no_such_folder),
    Case('the second run takes it from the cache', call=second_run_uses_the_first),
    Case('the cache goes by content', call=one_entry_for_one_content),
    Case('a corrupted cache is made anew', call=corrupted_cache),
    Case('without a usable cache', call=unusable_cache),
    Case('many writers at once', call=many_writers),
    Case('the cache keeps below its cap', call=capped_cache),
    Case('writers that are killed', call=killed_writer),
]
