/*
 * swell: grants, all that a guest may see of the world. What is not added does not exist for the
 * guest, except standard streams, clocks, randomness and exit.
 */
#pragma once

#include <swell/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct swell_grants swell_grants;

SWELL_API swell_status swell_grants_new(swell_grants **ret_grants);
SWELL_API void swell_grants_free(swell_grants *grants);

/* "HOST[::GUEST][:ro]": the host's directory HOST appears to the guest as GUEST. */
SWELL_API swell_status swell_grants_add_dir(swell_grants *grants, swell_str spec,
                                            swell_error *error);
/* "NAME=VALUE", or "NAME" for the host's own value (nothing is added when it has none). */
SWELL_API swell_status swell_grants_add_env(swell_grants *grants, swell_str spec,
                                            swell_error *error);
/* "[http[s]://]HOST[:PORT][/PATH]": requests that the guest may send. HOST: a name, *.NAME, *, an
 * address, or a network in brackets; PORT may be *; PATH may end in *. What a name resolves to must
 * be a public address unless a grant names that address (or localhost). */
SWELL_API swell_status swell_grants_add_http(swell_grants *grants, swell_str pattern,
                                             swell_error *error);
/* "HOST:PORT": where the guest's sockets may connect (tcp) or send to (udp). HOST as above; a name
 * stands for the addresses that the guest is told for it, which it may ask for; PORT may be *. */
SWELL_API swell_status swell_grants_add_tcp(swell_grants *grants, swell_str spec,
                                            swell_error *error);
SWELL_API swell_status swell_grants_add_udp(swell_grants *grants, swell_str spec,
                                            swell_error *error);
/* "ADDRESS:PORT": where they may listen and be bound: an address, a network in brackets, localhost,
 * or * for all of the machine's; PORT 0 is any free one. */
SWELL_API swell_status swell_grants_add_listen(swell_grants *grants, swell_str spec,
                                               swell_error *error);
/* A name, *.NAME, or *: what the guest may look up. */
SWELL_API swell_status swell_grants_add_dns(swell_grants *grants, swell_str name,
                                            swell_error *error);
/* The first one is the program's name. */
SWELL_API swell_status swell_grants_add_arg(swell_grants *grants, swell_str arg);
/* What the guest's standard stream 0, 1 or 2 is: a descriptor, borrowed; -1 closes it. */
SWELL_API void swell_grants_set_stdio(swell_grants *grants, unsigned stream, int fd);
/* Lets a guest's write to a standard stream that nobody reads any more raise SIGPIPE, which ends
 * the process as it ends other programs: for a process that is nothing but its guest. Without this
 * the guest gets an error, and nothing a guest does raises the signal. */
SWELL_API void swell_grants_raise_sigpipe(swell_grants *grants);

/* Told of each refused operation: what was asked ("open for reading '/etc/passwd'") and the option
 * that would grant it ("--dir /etc:ro"). Runs on the guest's stack: be brief. */
typedef void swell_denial_fn(void *env, const char *asked, const char *option);
SWELL_API void swell_grants_on_denial(swell_grants *grants, swell_denial_fn *fn, void *env);

#ifdef __cplusplus
}
#endif
