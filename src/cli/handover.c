/*
 * The small program's way to the network: what needs it is done by swell-full, a dynamic program of
 * the same sources, which takes this process over with the same words.
 */
#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Beside the program that runs (a build folder), or where it is installed. */
static const char *const PLACES[] = {"swell-full", "../libexec/swell/swell-full"};

enum { PATH_BYTES = 4096 };

/* The folder of the running program, with the slash. */
static bool own_folder(char *out, size_t size)
{
    ssize_t len = readlink("/proc/self/exe", out, size - 1);
    if (len <= 0 || (size_t)len >= size - 1) {
        return false;
    }
    out[len] = '\0';
    char *slash = strrchr(out, '/');
    if (slash == NULL) {
        return false;
    }
    slash[1] = '\0';
    return true;
}

static int not_found(const cli_args *args, const char *folder)
{
    char hint[2 * PATH_BYTES + 64];
    (void)snprintf(hint, sizeof hint, "looked for %s%s and %s%s", folder, PLACES[0], folder,
                   PLACES[1]);
    (void)cli_usage_error(hint,
                          "swell %s: the program swell-full, which does this, is not installed",
                          args->verb->name);
    return CLI_FAILURE;
}

int cli_need_full(const cli_args *args)
{
    char folder[PATH_BYTES], path[PATH_BYTES + 64];
    if (!own_folder(folder, sizeof folder)) {
        (void)cli_usage_error("it is found by the link /proc/self/exe, which cannot be read",
                              "swell %s: where is swell-full?", args->verb->name);
        return CLI_FAILURE;
    }
    for (size_t i = 0; i < sizeof PLACES / sizeof PLACES[0]; i++) {
        (void)snprintf(path, sizeof path, "%s%s", folder, PLACES[i]);
        (void)execv(path, args->argv);
        if (errno != ENOENT && errno != ENOTDIR) {
            (void)cli_usage_error(NULL, "%s: %s", path, strerror(errno));
            return CLI_FAILURE;
        }
    }
    return not_found(args, folder);
}

int cli_serve(const cli_args *args)
{
    return cli_need_full(args);
}

int cli_wit(const cli_args *args)
{
    return cli_need_full(args);
}

int cli_component(const cli_args *args)
{
    return cli_need_full(args);
}

int cli_push(const cli_args *args)
{
    return cli_need_full(args);
}

int cli_pull(const cli_args *args)
{
    return cli_need_full(args);
}

int cli_copy(const cli_args *args)
{
    return cli_need_full(args);
}

int cli_login(const cli_args *args)
{
    return cli_need_full(args);
}

int cli_logout(const cli_args *args)
{
    return cli_need_full(args);
}

int cli_fetch(const cli_args *args, const char *reference, cli_source *ret_source)
{
    (void)reference;
    (void)ret_source;
    return cli_need_full(args);
}

void cli_fetch_end(cli_source *source)
{
    (void)source;
}

swell_status cli_define_network(swell_linker *linker, swell_error *error)
{
    (void)linker;
    (void)error;
    return SWELL_OK;
}
