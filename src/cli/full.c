/* The full program: here it is, and nothing is handed over. */
#include "cli/cli.h"

int cli_need_full(const cli_args *args)
{
    (void)args;
    return CLI_OK;
}
