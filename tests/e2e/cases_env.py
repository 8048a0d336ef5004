"""The environment: nothing of the host's own is seen, and what is granted is seen exactly."""
from harness import Case

HOST = {'SECRET': 'do not tell', 'COLOUR': 'blue', 'EMPTY': ''}

CASES = [
    Case('nothing by default', 'env', env=HOST, out=''),
    Case('a name with a value', 'env', options=['--env', 'A=1'], env=HOST, out='A=1\n'),
    Case('a name alone takes the host\'s value', 'env', options=['--env', 'COLOUR'], env=HOST,
         out='COLOUR=blue\n'),
    Case('several, in the order given', 'env', env=HOST,
         options=['--env', 'B=2', '--env=COLOUR', '--env', 'A=x=y z'], out='B=2\nCOLOUR=blue\nA=x=y z\n'),
    Case('an empty value', 'env', ['EMPTY', 'E'], options=['--env', 'EMPTY', '--env', 'E='], env=HOST,
         out='EMPTY \nE \n'),
    Case('the last of a name counts', 'env', ['A'], options=['--env', 'A=1', '--env', 'A=2'],
         out='A 2\n'),
    Case('a value with a line end and quotes', 'env', options=['--env', 'A=new\nline "q"'],
         out='A=new\nline "q"\n'),
    Case('a name that the host has not', 'env', options=['--env', 'ABSENT_ENTIRELY'], out=''),
    Case('an empty name', 'env', options=['--env', '=x'], code=2, err=['NAME[=VALUE]'], kinds=('module',)),
]
