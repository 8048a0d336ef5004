"""Programs in C, each as a WASI 0.1 module and as a component: what they print, read and return."""
import re

from harness import Case

FLOATS = '''\
0.33333333333333331 1e+100 1.234568e+04 2.001 0x1.999999999999ap-4
inf -inf 0 -0
nan: 1 1 1
-3 -2 -2 -2
16777216 1.8446744073709552e+19 9007199254740992
4294967295 -2 1000000000000000000 18000000000000000000
0.841470984807897 0.54030230586814 2.71828182845905 2.30258509299405
1.4142135623731 2.35619449019234 3 -1.5
3fb999999999999a 0000000000000001 7fefffffffffffff
-0 3 1
-5.5511151231257827e-17 1.4142135623730951
1.41421354 0.333333343
'''
INTEGERS = 'words cb51fe09d733ed97\nlongs 0e836c31fc45624c\nbits 3f97076e58236327\n'
BLOB = bytes(range(256)) * 4096

GO_WORK = ('squares 338350\nwords 1009 ["0","1","10"]\ngarbage 200\n'
           'recovered assignment to entry in nil map\nslept true\n')

CASES = [
    Case('hello', 'hello', out='hello, world\n', err_not=['swell']),
    Case('hello with stdin at its end', 'hello', stdin=b'', out='hello, world\n'),
    Case('constructors and exit handlers', 'startup',
         out='constructor 1\nmain 2\nat exit 3\ndestructor 4\n'),
    Case('floating point', 'floats', out=FLOATS),
    Case('integers', 'integers', out=INTEGERS),

    Case('no arguments', 'args', out='0 arguments\n'),
    Case('arguments of all kinds', 'args', ['one', '', 'two words', '"quoted"', "it's", 'ä€😀'],
         out='6 arguments\n[one]\n[]\n[two words]\n["quoted"]\n[it\'s]\n[ä€😀]\n'),
    Case('options after the file are the guest\'s', 'args', ['--dir', '.', '--help', '--', '-x'],
         out='5 arguments\n[--dir]\n[.]\n[--help]\n[--]\n[-x]\n'),
    Case('many arguments', 'args', [f'argument-{i}' for i in range(2000)],
         out=re.compile(r'^2000 arguments\n\[argument-0\]\n[^$]*\[argument-1999\]\n$')),

    Case('return 0', 'exit', ['return', '0'], out='return 0'),
    Case('return 7', 'exit', ['return', '7'], out='return 7', code=7, component_code=1),
    Case('exit 3', 'exit', ['exit', '3'], out='exit 3', code=3, component_code=1),
    Case('exit 255', 'exit', ['exit', '255'], code=255, component_code=1),
    Case('exit 134 is the guest\'s own', 'exit', ['exit', '134'], code=134, component_code=1,
         err_not=['trap', 'unreachable']),
    Case('_exit writes no buffers', 'exit', ['_exit', '5'], out='', code=5, component_code=1),
    Case('abort', 'exit', ['abort'], code=134, err=['unreachable']),

    Case('stdin to stdout', 'cat', stdin=b'some\0bytes\n', out='some\0bytes\n', err=['11 bytes']),
    Case('empty stdin', 'cat', out='', err=['0 bytes']),
    Case('a megabyte through pipes', 'cat', stdin=BLOB, err=['1048576 bytes'],
         out=BLOB.decode(errors='replace')),
    Case('lines in, lines out, lines to stderr', 'streams', stdin=b'one\ntwo words\n\nlast',
         out='1: one\n2: two words\n3: \n4: last\n', err=['1 has 3\n', '2 has 9\n', '4 has 4\n']),

    Case('clocks', 'clock', out='monotonic: 0 steps back\nrealtime: after 2020\n'
                                'resolution: below a second\nslept: long enough\n'),
    Case('randomness', 'random', out='different: yes\nbalanced: yes\n'),
    Case('polling', 'poll', stdin=b'x', out='stdout: 1 writable\nstdin: 1 readable\nread: 1 x\n'
                                            'slept: long enough\n'),

    Case('16 MiB of memory', 'memory', ['16'], out='all\n'),
    Case('600 MiB of memory', 'memory', ['600'], out='all\n'),
    Case('the default cap on memory', 'memory', ['1100'], out='refused\n', code=3, component_code=1),
    Case('--max-memory refuses more', 'memory', ['64'], options=['--max-memory', '32M'],
         out='refused\n', code=3, component_code=1, err=[re.compile(r'\b(2\d|3[01]) MiB')]),
    Case('--max-memory allows less', 'memory', ['20'], options=['--max-memory', '32M'], out='all\n'),
    Case('--max-memory below what the guest starts with', 'hello', options=['--max-memory', '1K'],
         code=1, err=['memory']),

    Case('a Go program', 'go-program', ['x y'], ['--env', 'A=1', '--dir', '{box}::/'], stdin=b'one\ntwo',
         files={'note.txt': 'a note'}, kinds=('module',),
         out='arguments ["x y"]\nenvironment ["A=1"]\n' + GO_WORK +
             'note.txt "a note"\nline ONE\nline TWO\n'),
    Case('a Go program without grants', 'go-program', kinds=('module',),
         out='arguments []\nenvironment []\n' + GO_WORK + 'note.txt refused\n'),
    Case('a Go program\'s exit code', 'go-program', ['3'], kinds=('module',), code=3),
    Case('a Go program\'s panic', 'go-program', ['panic'], kinds=('module',), code=2, err=['asked to']),
]
