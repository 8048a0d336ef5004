/* The full program: here it is, and nothing is handed over. */
#include "cli/cli.h"

int cli_need_full(const cli_args *args)
{
    (void)args;
    return CLI_OK;
}

swell_status cli_define_network(swell_linker *linker, swell_error *error)
{
    swell_status st = swell_linker_define_http(linker, error);
    return st != SWELL_OK ? st : swell_linker_define_sockets(linker, error);
}
