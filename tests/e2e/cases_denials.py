"""Denials: the guest sees an error code, and stderr tells what was asked and the option that grants it."""
import re

from harness import Absent, Case, Folder, Link, expect

NOTE = {'data/note.txt': 'a note'}
REFUSED = '(EPERM|EACCES|ENOTCAPABLE|EROFS)'


def fs(*commands):
    return ' , '.join(commands).split(' ')


def mended(guest, args, files, out, *grants):
    """Runs a guest, then again with the options that the denials named, until nothing is denied."""
    def check(box):
        options, path = list(grants), box.guest(guest)
        box.lay_out(files)
        for _ in range(3):
            result = box.run(['run', *options, path, *args])
            named = re.findall(r'--(?:dir|env)[ =](\S+)', result.talk)
            if result.returncode == 0:
                break
            expect(named, 'no option is named', result)
            options = ['--dir', named[0].rstrip('.,;)\'')]
        expect(result.returncode == 0 and result.text == out, f'not mended with {options}', result)
        expect(options != list(grants), 'nothing was denied at first', result)
    return check


CASES = [
    *(Case(f'the named option mends reading ({guest})',
           call=mended(guest, fs('read data/note.txt'), NOTE, 'data/note.txt [a note]\n'))
      for guest in ('fs', 'fs.component')),
    *(Case(f'the named option mends writing ({guest})',
           call=mended(guest, fs('write data/a x', 'read data/a'), NOTE, 'wrote data/a\ndata/a [x]\n'))
      for guest in ('fs', 'fs.component')),
    *(Case(f'the named option mends writing where reading is granted ({guest})',
           call=mended(guest, fs('write data/a x'), NOTE, 'wrote data/a\n', '--dir', 'data:ro'))
      for guest in ('fs', 'fs.component')),
    Case('a file without any grant', 'fs', fs('read data/note.txt'), files=NOTE, code=1,
         out=re.compile(r'^data/note.txt: \w+\n$'), err=['--dir data:ro', 'data/note.txt']),
    Case('an absolute path without any grant', 'fs', fs('read /etc/hostname'), code=1,
         out=re.compile(r'^/etc/hostname: \w+\n$'), err=['--dir /etc:ro', 'etc/hostname']),
    Case('quiet on request', 'fs', fs('read data/note.txt'), ['--quiet-denials'], files=NOTE, code=1,
         out=re.compile(r'^data/note.txt: \w+\n$'), err_not=['--dir']),
    Case('writing where reading is granted', 'fs', fs('write a x'), ['--dir', '{box}/data::/:ro'],
         files=NOTE, code=1, out=re.compile(f'^a: {REFUSED}\n$'), err=['--dir {box}/data::/'],
         err_not=[re.compile(r'--dir \S*:ro\b(?!.*given)')], after={'data/a': Absent()}),
    Case('removing where reading is granted', 'fs', fs('unlink note.txt'), ['--dir', '{box}/data::/:ro'],
         files=NOTE, code=1, out=re.compile(f'^note.txt: {REFUSED}\n$'), err=['--dir {box}/data::/'],
         after={'data/note.txt': 'a note'}),
    Case('making a folder where reading is granted', 'fs', fs('mkdir d'), ['--dir', '{box}/data::/:ro'],
         files=NOTE, code=1, out=re.compile(f'^d: {REFUSED}\n$'), err=['--dir {box}/data::/']),
    Case('renaming where reading is granted', 'fs', fs('rename note.txt b'),
         ['--dir', '{box}/data::/:ro'], files=NOTE, code=1, out=re.compile(f'^note.txt: {REFUSED}\n$'),
         err=['--dir {box}/data::/'], after={'data/note.txt': 'a note'}),
    Case('renaming from read-only to writable', 'fs', fs('rename /a/note.txt /b/x'),
         ['--dir', '{box}/data::/a:ro', '--dir', '{box}/other::/b'], files={**NOTE, 'other': Folder()},
         code=1, out=re.compile(f'^/a/note.txt: {REFUSED}\n$'), err=['--dir {box}/data::/a'],
         after={'data/note.txt': 'a note', 'other/x': Absent()}),
    Case('truncating where reading is granted', 'fs', fs('truncate note.txt 1'),
         ['--dir', '{box}/data::/:ro'], files=NOTE, code=1, out=re.compile(f'^note.txt: {REFUSED}\n$'),
         err=['--dir {box}/data::/'], after={'data/note.txt': 'a note'}),
    Case('the mended line works', 'fs', fs('write a x'), ['--dir', '{box}/data::/'], files=NOTE,
         out='wrote a\n', err_not=['--dir'], after={'data/a': 'x'}),
    Case('a link that leads out', 'fs', fs('read out'), ['--dir', '{box}/data::/'],
         files={**NOTE, 'secret': 's', 'data/out': Link('../secret')}, code=1,
         out=re.compile(f'^out: {REFUSED}\n$')),
    Case('a guest that needs nothing is told nothing', 'hello', out='hello, world\n', err_not=['--dir', '--env']),
]
