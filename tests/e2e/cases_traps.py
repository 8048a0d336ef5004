"""Traps end a guest with 134, a reason and a backtrace; deadlines with 124. What the guest had written
before is kept."""
import re

from harness import LIMIT_SECONDS, Case, expect

# (argument of the guest, reason, function that must be in the backtrace)
TRAPS = [
    ('unreachable', 'unreachable', 'spring_unreachable'),
    ('load', 'out of bounds memory access', 'spring_load'),
    ('store', 'out of bounds memory access', 'spring_store'),
    ('divide', 'integer divide by zero', 'spring_divide'),
    ('divide-long', 'integer divide by zero', 'spring_divide_long'),
    ('remainder', 'integer divide by zero', 'spring_remainder'),
    ('overflow', 'integer overflow', 'spring_overflow'),
    ('overflow-long', 'integer overflow', 'spring_overflow_long'),
    ('convert', 'integer overflow', 'spring_convert'),
    ('convert-nan', 'invalid conversion to integer', 'spring_convert_nan'),
    ('null-call', 'uninitialized element', 'spring_null_call'),
    ('table-bounds', 'undefined element', 'spring_table_bounds'),
    ('wrong-type', 'indirect call type mismatch', 'spring_wrong_type'),
    ('recursion', re.compile('out of bounds memory access|call stack exhausted'), 'recurse'),
    ('light-recursion', 'call stack exhausted', 'recurse_lightly'),
]


def deadline(way, **more):
    return Case(f'a deadline ends a guest in {way}', 'spin', [way], ['--timeout', '300ms'], code=124,
                out='spinning\n', err=[re.compile('time|deadline')], **more)


def wait_for_stdin(box, guest):
    process = box.start(['run', '--timeout', '300ms', box.guest(guest), 'read'])
    try:
        code = process.wait(LIMIT_SECONDS)  # stdin stays open meanwhile
        expect(code == 124, f'exit code {code}, not 124: {process.stderr.read()!r}')
    finally:
        process.kill()
        process.communicate()


CASES = [
    *(Case(f'trap: {name}', 'trap', [name], code=134, out='before\n', err=[reason, function, 'spring_by_name'],
           err_not=['AddressSanitizer', 'core dumped'])
      if 'recursion' not in name else
      Case(f'trap: {name}', 'trap', [name], code=134, out='before\n', err=[reason, function],
           err_not=['AddressSanitizer', 'core dumped'])
      for name, reason, function in TRAPS),
    Case('a call of the host at every depth', 'trap', ['host-recursion'], ['--max-stack', '64KiB'], code=134,
         out='before\n', err=['call stack exhausted', 'recurse_with_host'], err_not=['AddressSanitizer']),
    Case('the backtrace has offsets in the module', 'trap', ['divide'], code=134,
         err=[re.compile(r'spring_divide.*0x[0-9a-f]+|0x[0-9a-f]+.*spring_divide')]),

    deadline('loop'),
    deadline('call'),
    deadline('recursion'),
    deadline('sleep'),
    Case('a deadline that is not reached', 'hello', options=['--timeout', '60s'], out='hello, world\n'),
    Case('a trap before its deadline', 'trap', ['divide'], ['--timeout', '60s'], code=134,
         err=['integer divide by zero']),
    Case('a deadline while reading a silent stdin', kinds=('module',),
         call=lambda box: wait_for_stdin(box, 'spin')),
    Case('a deadline while reading a silent stdin, as a component', kinds=('component',),
         call=lambda box: wait_for_stdin(box, 'spin.component')),
]
