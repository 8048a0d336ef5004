"""The wall around `swell serve`: who it is, what it may still do, and that serving goes on inside of it.

What the kernel refuses is tried one by one in tests/os/sandbox_test.c; here it is the whole program, with
its grants, its cache and its reloads. Cases that need the superuser are skipped for others.
"""
import json
import os
import shutil
import signal
import socket
import time

from cases_h2 import curl, expect_answer, tls_server
from cases_serve import LIMIT, Server, refused
from harness import Case, Skip, expect

NOBODY = '65534'
IS_ROOT = os.geteuid() == 0


def need_root():
    if not IS_ROOT:
        raise Skip('needs the superuser')


def statuses(pid):
    """What /proc says of each thread."""
    for task in os.listdir(f'/proc/{pid}/task'):
        with open(f'/proc/{pid}/task/{task}/status') as f:
            yield dict(line.rstrip('\n').split(':\t', 1) for line in f if ':\t' in line)


def keeper_of(s):
    """The process that opens files for the server."""
    with open(f'/proc/{s.process.pid}/task/{s.process.pid}/children') as f:
        children = f.read().split()
    expect(len(children) == 1, f'children: {children}')
    return int(children[0])


def expect_confined(s, uids):
    count = 0
    for status in statuses(s.process.pid):
        count += 1
        expect(status['NoNewPrivs'] == '1' and status['Seccomp'] == '2', f'a thread is not filtered: {status}')
        for name in ('CapInh', 'CapPrm', 'CapEff', 'CapAmb'):
            expect(int(status[name], 16) == 0, f'{name} is {status[name]}')
        expect(status['Uid'].split() == [uids[0]] * 4 and status['Gid'].split() == [uids[1]] * 4, f'{status}')
    expect(count >= 3, f'{count} threads only')


def every_thread(box):
    with Server(box, options=['--workers', '2', '--admin', '127.0.0.1:0']) as s:
        s.expect('/hello', 200)
        own = (str(os.geteuid()), str(os.getegid()))
        expect_confined(s, (NOBODY, NOBODY) if IS_ROOT else own)
        expect('sandbox ' in s.log() and 'seccomp' in s.log(), s.log())
        expect(s.metric('swell_workers') == 2, 'the admin address is not answered')
        if IS_ROOT:
            groups = [status['Groups'].split() for status in statuses(s.process.pid)]
            expect(all(g == [] for g in groups), f'groups: {groups}')
            expect('user nobody' in s.log(), s.log())


def keeper(box):
    """It has what opening files takes, and ends with the server."""
    with Server(box) as s:
        pid = keeper_of(s)
        end = time.monotonic() + LIMIT
        status = next(iter(statuses(pid)))
        while status['Seccomp'] == '0' and time.monotonic() < end:  # it need not have begun
            time.sleep(0.02)
            status = next(iter(statuses(pid)))
        expect(status['Seccomp'] == '2' and status['NoNewPrivs'] == '1', f'{status}')
        expect(int(status['CapEff'], 16) in (0, 1 << 2), f'{status}')
        expect(status['Name'] == 'swell-keeper', f'{status}')
    end = time.monotonic() + LIMIT
    while os.path.exists(f'/proc/{pid}') and time.monotonic() < end:
        with open(f'/proc/{pid}/stat') as f:
            if f.read().split()[2] == 'Z':
                break
        time.sleep(0.02)
    else:
        expect(not os.path.exists(f'/proc/{pid}'), 'the keeper is still there')


def turned_off(box):
    with Server(box, options=['--no-sandbox']) as s:
        s.expect('/hello', 200)
        s.await_log('sandbox off')
        for status in statuses(s.process.pid):
            expect(status['Uid'].split()[0] == str(os.geteuid()), f'{status}')
        with open(f'/proc/{s.process.pid}/task/{s.process.pid}/children') as f:
            expect(f.read() == '', 'there is a child')


def reported(box):
    for options, is_on in (((), True), (('--no-sandbox',), False)):
        with Server(box, options=['--json', *options]) as s:
            told = json.loads(s.first)['sandbox']
            expect((told is not None) == is_on, s.first)
            if is_on:
                expect(told['seccomp'] is True and set(told) == {'user', 'seccomp', 'landlock', 'tcp'}, s.first)
                expect(told['user'] == ('nobody' if IS_ROOT else None), s.first)


def whole(box):
    with Server(box, options=['--json']) as s:
        has_landlock = json.loads(s.first)['sandbox']['landlock'] > 0
    if not has_landlock:
        raise Skip('this kernel has no Landlock')
    with Server(box, options=['--require-sandbox']) as s:
        s.expect('/hello', 200)


def copy_guest(box, name, target):
    shutil.copy(box.guest(name), box.path / target)


def reloaded(box):
    """A file that only its owner may read is read again by its name, after it was replaced."""
    copy_guest(box, 'http-hello.component', 'app.wasm')
    (box.path / 'app.wasm').chmod(0o600)
    with Server(box, file=box.path / 'app.wasm') as s:
        s.expect('/hello', 200, b'hello, world\n')
        copy_guest(box, 'http-files.component', 'new.wasm')
        (box.path / 'new.wasm').chmod(0o600)
        (box.path / 'new.wasm').rename(box.path / 'app.wasm')
        s.process.send_signal(signal.SIGHUP)
        s.await_log('reloaded')
        s.expect('/', 404, b'no such path')
        (box.path / 'app.wasm').unlink()
        s.process.send_signal(signal.SIGHUP)
        s.await_log('No such file')
        s.expect('/', 404, b'no such path')


def lost_keeper(box):
    copy_guest(box, 'http-hello.component', 'app.wasm')
    with Server(box, file=box.path / 'app.wasm') as s:
        os.kill(keeper_of(s), signal.SIGKILL)
        s.process.send_signal(signal.SIGHUP)
        s.await_log('still served')
        s.expect('/', 200, b'hello, world\n')


def reloaded_key(box):
    """So are a private key and the file of clients' issuers."""
    with tls_server(box, '--tls-client', 'may', '--tls-client-ca', box.path / 'ca.pem') as s:
        for file in (*box.path.glob('*.key'), box.path / 'ca.pem'):
            expect(file.stat().st_uid == os.geteuid(), f'{file}')
            file.chmod(0o600)
        s.process.send_signal(signal.SIGHUP)
        s.await_log('reloaded')
        expect_answer(curl(box, s, '/hello'), b'hello, world\n', s)


def lay_out(box):
    """A folder for everybody, one to be read; beside them a file that was granted to nobody."""
    for name, mode in (('open', 0o777), ('site', 0o755)):
        (box.path / name).mkdir()
        (box.path / name).chmod(mode)
        (box.path / name / 'page').write_text(name)
        (box.path / name / 'page').chmod(0o644)
    (box.path / 'secret').write_text('secret')
    (box.path / 'secret').chmod(0o644)
    (box.path / 'open' / 'link').symlink_to('../secret')


def directories(box):
    lay_out(box)
    with Server(box, 'http-files.component', options=['--dir', 'open::/']) as s:
        s.expect('/read/page', 200, b'open')
        s.expect('/write/new', 200, b'done')
        s.expect('/read/new', 200, b'written')
        expect(s.get('/read/link')[0] == 500, 'a link leads out')
        expect(s.get('/read/none') == (500, b'20'), s.log())
        owner = (box.path / 'open' / 'new').stat().st_uid
        expect(owner == (int(NOBODY) if IS_ROOT else os.geteuid()), f'the owner is {owner}')
    with Server(box, 'http-files.component', options=['--dir', 'site::/:ro']) as s:
        s.expect('/read/page', 200, b'site')
        expect(s.get('/write/new')[0] == 500, 'a read-only folder was written to')
        s.process.send_signal(signal.SIGHUP)
        s.await_log('reloaded')
        s.expect('/read/page', 200, b'site')
    expect(not (box.path / 'site' / 'new').exists(), 'a read-only folder has a new file')


def private_directory(box):
    """Not for whom the server will be: said at the start."""
    need_root()
    (box.path / 'private').mkdir(mode=0o700)
    result = box.run(['serve', '--listen', '127.0.0.1:0', '--dir', 'private', str(box.guest('http-files.component'))])
    expect(result.returncode == 1 and 'private' in result.talk and 'nobody' in result.talk and '--user' in result.talk,
           'not explained', result)
    with Server(box, 'http-files.component', options=['--dir', 'private::/', '--user', 'root']) as s:
        s.expect('/write/new', 200, b'done')
        expect_confined(s, ('0', '0'))


def other_user(box):
    need_root()
    for user, uids in (('daemon', ('1', '1')), ('12345:54321', ('12345', '54321')), ('daemon:0', ('1', '0'))):
        with Server(box, options=['--user', user]) as s:
            s.expect('/hello', 200)
            expect_confined(s, uids)
            expect(f"user {user.split(':')[0]}" in s.log(), s.log())


def low_port(box):
    need_root()
    for port in range(1000, 1024):
        with socket.socket() as probe:
            try:
                probe.bind(('127.0.0.1', port))
                break
            except OSError:
                continue
    with Server(box, options=['--listen', f'127.0.0.1:{port}']) as s:
        expect(s.get('/hello', port=port) == (200, b'hello, world\n'), s.log())


def cached(box):
    """The cache is the confined user's own, and is used by the next start."""
    for _ in range(2):
        with Server(box, 'http-hello.component') as s:
            s.expect('/', 200)
    cache = box.path / '.cache' / 'swell'
    if IS_ROOT:
        cache = cache / f'serve-{NOBODY}'
        expect(cache.stat().st_uid == int(NOBODY) and cache.stat().st_mode & 0o777 == 0o700, 'not its own')
    entries = list(cache.iterdir())
    expect(len(entries) == 1, f'{entries}')
    with Server(box, 'http-hello.component', options=['--no-cache']) as s:
        s.expect('/', 200)


def networks(box):
    """What was granted is reached from inside; ports are limited where the grants name them."""
    rows = (('--allow-http', 'http://127.0.0.1:{port}', True), ('--allow-http', 'http://127.0.0.1:*', False))
    with Server(box, 'http-hello.component') as peer:
        for option, pattern, names_ports in rows:
            options = ['--json', option, pattern.format(port=peer.port)]
            with Server(box, 'http-proxy.component', options=options) as s:
                s.expect('/', 200, b'hello, world\n', headers={'x-target': f'http://127.0.0.1:{peer.port}/'})
                told = json.loads(s.first)['sandbox']
                expect(told['tcp'] == (names_ports and told['landlock'] >= 4), s.first)


CASES = [
    Case('every thread', call=every_thread),
    Case('the keeper of files', call=keeper),
    Case('turned off', call=turned_off),
    Case('reported as JSON', call=reported),
    Case('required', call=whole),
    Case('reloaded', call=reloaded),
    Case('without its keeper', call=lost_keeper),
    Case('a key that is reloaded', call=reloaded_key),
    Case('directories', call=directories),
    Case('a private directory', call=private_directory),
    Case('another user', call=other_user),
    Case('a low port', call=low_port),
    Case('the cache', call=cached),
    Case('networks', call=networks),
    refused('a user beside none', ['--no-sandbox', '--user', 'daemon', 'file.wasm'], '--no-sandbox'),
    *([refused('no such user', ['--user', 'no-such-user', 'file.wasm'], 'no-such-user')] if IS_ROOT else
      [refused('a user for others', ['--user', 'daemon', 'file.wasm'], 'superuser')]),
]
