"""JavaScript commands: a whole engine in a component, as componentize-js makes it."""
import re

from harness import Case

ENGINE = {'kinds': ('component',)}
WORK = '1009 words, [[\'w0\',20],[\'w1\',20],[\'w10\',20]]\n446616 0.841470984808 1,2,3\n'

CASES = [
    Case('hello', 'js-hello', out='hello from JavaScript\n', **ENGINE),
    Case('arguments, environment, a file, clocks', 'js-program', ['one', 'two words'],
         ['--env', 'A=1', '--dir', '{box}/data::/'], files={'data/note.txt': 'a note'}, **ENGINE,
         out='arguments ["one","two words"]\nenvironment [["A","1"]]\n' + WORK +
             'folder /\nnote.txt: a note\nclock true, random 8\n'),
    Case('nothing granted', 'js-program', env={'SECRET': 'x'}, **ENGINE, err=['--dir .:ro'],
         out='arguments []\nenvironment []\n' + WORK + 'folder /\nnote.txt: no-entry\nclock true, random 8\n'),
    Case('stdin', 'js-program', ['stdin'], stdin='lines\nof ä text'.encode(), **ENGINE,
         out=re.compile(r'\nstdin "lines\\nof ä text"\n$')),
    Case('a run that fails', 'js-program', ['fail'], code=1, **ENGINE),
    Case('an exit with an error', 'js-program', ['exit'], code=1, **ENGINE),
    Case('a small engine', 'js-quick', ['x'], ['--env', 'A=1'], **ENGINE,
         out='hello from QuickJS\narguments ["x"]\nenvironment [["A","1"]]\nfibonacci 6765\n'),
    Case('with the network among its imports', 'js-http', out='hello from JavaScript\n', **ENGINE),
]
