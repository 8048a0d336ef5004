"""Files under grants: every operation, what a grant gives, and that nothing leads out of it."""
import re

from harness import Absent, Case, Folder, Link

ALL = ['--dir', '{box}/data::/']
NOTE = {'data/note.txt': 'a note'}
# Around the granted folder lies a secret; within it are links that lead out.
ESCAPE = {
    'secret': 'the secret', 'empty': Folder(), 'granted/inside': 'inside', 'granted/folder/x': 'x',
    'granted/abs': Link('{box}/secret'), 'granted/rel': Link('../secret'),
    'granted/up': Link('..'), 'granted/in': Link('inside'),
}


def fs(*commands):
    """The arguments for a chain of operations, each given as one text of words."""
    return ' , '.join(commands).split(' ')


CASES = [
    Case('read', 'fs', fs('read note.txt', 'read /note.txt'), ALL, files=NOTE,
         out='note.txt [a note]\n/note.txt [a note]\n'),
    Case('write and read back', 'fs', fs('write a.txt one', 'append a.txt two', 'read a.txt'), ALL,
         files={'data': Folder()}, out='wrote a.txt\nappended a.txt\na.txt [onetwo]\n',
         after={'data/a.txt': 'onetwo'}),
    Case('truncating and sizes', 'fs',
         fs('write a 12345678', 'truncate a 3', 'stat a', 'truncate a 10', 'stat a', 'write a x', 'stat a'),
         ALL, files={'data': Folder()}, after={'data/a': 'x'},
         out='wrote a\ncut a\na is a file of 3 bytes\ncut a\na is a file of 10 bytes\nwrote a\n'
             'a is a file of 1 bytes\n'),
    Case('create, but only a new one', 'fs', fs('create-new a', 'create-new a'), ALL,
         files={'data': Folder()}, out='created a\na: EEXIST\n', code=1),
    Case('folders', 'fs',
         fs('mkdir d', 'mkdir d/e', 'write d/e/f x', 'list d', 'list d/e', 'stat d', 'unlink d/e/f',
            'rmdir d/e', 'list d'), ALL, files={'data': Folder()}, after={'data/d': Folder()},
         out='made d\nmade d/e\nwrote d/e/f\nd has 1: e/\nd/e has 1: f\nd is a folder\n'
             'removed d/e/f\nremoved d/e\nd has 0:\n'),
    Case('listing the root', 'fs', fs('list /'), ALL, out='/ has 3: link@ note.txt sub/\n',
         files={**NOTE, 'data/sub/x': '', 'data/link': Link('note.txt')}),
    Case('a folder of 1500 files', 'fs', fs('mkdir d', 'many d 1500', 'count d'), ALL,
         files={'data': Folder()}, out='made d\nmade 1500\n1500 entries\n'),
    Case('rename', 'fs', fs('rename note.txt b', 'read b', 'mkdir d', 'rename b d/c', 'list d'), ALL,
         files=NOTE, out='renamed note.txt to b\nb [a note]\nmade d\nrenamed b to d/c\nd has 1: c\n',
         after={'data/note.txt': Absent(), 'data/d/c': 'a note'}),
    Case('rename onto a file', 'fs', fs('write b x', 'rename note.txt b', 'read b'), ALL, files=NOTE,
         out='wrote b\nrenamed note.txt to b\nb [a note]\n'),
    Case('remove', 'fs', fs('unlink note.txt', 'stat note.txt'), ALL, files=NOTE, code=1,
         out='removed note.txt\nnote.txt: ENOENT\n', after={'data/note.txt': Absent()}),
    Case('links', 'fs', fs('symlink note.txt s', 'readlink s', 'read s', 'lstat s', 'stat s', 'link note.txt h',
                           'read h'), ALL, files=NOTE, after={'data/s': Link('note.txt')},
         out='s points to note.txt\ns points to note.txt\ns [a note]\ns is a link\n'
             's is a file of 6 bytes\nlinked h to note.txt\nh [a note]\n'),
    Case('seeking', 'fs', fs('seek s'), ALL, files={'data': Folder()}, out='3 5 9 EINVAL 45 9 14\n',
         after={'data/s': b'0123456789\0\0ab'}),
    Case('times', 'fs', fs('times note.txt'), ALL, files=NOTE, out='1000.5 2000000000.7\n'),
    Case('sync', 'fs', fs('sync note.txt'), ALL, files=NOTE, out='synced note.txt\n'),
    Case('names beyond ASCII', 'fs', ['write', 'ä€😀', 'x', ',', 'list', '/'], ALL,
         files={'data': Folder()}, out='wrote ä€😀\n/ has 1: ä€😀\n', after={'data/ä€😀': 'x'}),
    Case('a file twice opened', 'cat', ['note.txt', 'note.txt'], ALL, files=NOTE, out='a notea note'),

    Case('no such file', 'fs', fs('read absent'), ALL, files=NOTE, code=1, out='absent: ENOENT\n'),
    Case('a file as a folder', 'fs', fs('read note.txt/x'), ALL, files=NOTE, code=1,
         out='note.txt/x: ENOTDIR\n'),
    Case('a folder as a file', 'fs', fs('write d x'), ALL, files={'data/d': Folder()}, code=1,
         out='d: EISDIR\n'),
    Case('removing a full folder', 'fs', fs('rmdir d'), ALL, files={'data/d/x': ''}, code=1,
         out='d: ENOTEMPTY\n'),
    Case('removing a folder as a file', 'fs', fs('unlink d'), ALL, files={'data/d': Folder()}, code=1,
         out=re.compile('^d: (EISDIR|EPERM)\n$')),
    Case('links in a ring', 'fs', fs('read a'), ALL, files={'data/a': Link('b'), 'data/b': Link('a')},
         code=1, out='a: ELOOP\n'),
    Case('a name too long', 'fs', ['read', 'n' * 300], ALL, files=NOTE, code=1,
         out=re.compile('ENAMETOOLONG')),

    Case('a folder by another name', 'fs', fs('read /in/note.txt'), ['--dir', '{box}/data::/in'],
         files=NOTE, out='/in/note.txt [a note]\n'),
    Case('two folders', 'fs', fs('read /a/x', 'read /b/x', 'rename /a/x /b/y', 'list /b'),
         ['--dir', '{box}/one::/a', '--dir={box}/two::/b'], files={'one/x': '1', 'two/x': '2'},
         out='/a/x [1]\n/b/x [2]\nrenamed /a/x to /b/y\n/b has 2: x y\n', after={'two/y': '1'}),
    Case('a folder by its own name', 'fs', fs('read data/note.txt'), ['--dir', 'data'], files=NOTE,
         out='data/note.txt [a note]\n'),
    Case('the folder one is in', 'fs', fs('read data/note.txt'), ['--dir', '.'], files=NOTE,
         out='data/note.txt [a note]\n'),
    Case('read-only reads', 'fs', fs('read note.txt', 'list /', 'stat note.txt'),
         ['--dir', '{box}/data::/:ro'], files=NOTE,
         out='note.txt [a note]\n/ has 1: note.txt\nnote.txt is a file of 6 bytes\n'),

    Case('no way out', 'escape', [], ['--dir', '{box}/granted::/'], files=ESCAPE, kinds=('module',),
         out=re.compile(r'^(?![^$]*(ESCAPED|REFUSED))[^$]*\n0 wrong\n$'),
         after={'secret': 'the secret', 'made': Absent(), 'granted/inside': 'inside', 'empty': Folder(),
                'granted/made': Absent(), 'granted/got': Absent()}),
    Case('a link that leads out', 'fs', fs('read rel'), ['--dir', '{box}/granted::/'], files=ESCAPE,
         code=1, out=re.compile('^rel: (EPERM|EACCES|ENOTCAPABLE)\n$')),
    Case('dots that lead out', 'fs', fs('read folder/../../secret'), ['--dir', '{box}/granted::/'],
         files=ESCAPE, code=1, out=re.compile('(EPERM|EACCES|ENOTCAPABLE|ENOENT)\n$')),
    Case('making a link that leads out', 'fs', fs('symlink ../secret s', 'read s'),
         ['--dir', '{box}/granted::/'], files=ESCAPE, code=1,
         out=re.compile('(EPERM|EACCES|ENOTCAPABLE)\n$')),
    Case('a rename that would lead out later', 'fs',
         fs('mkdir d', 'mkdir d/e', 'symlink .. d/e/l', 'rename d/e e', 'read e/l/secret'),
         ['--dir', '{box}/granted::/'], files=ESCAPE, code=1,
         out=re.compile('e/l/secret: (EPERM|EACCES|ENOTCAPABLE|ENOENT)\n$')),
]
