#include "cli/wall.h"

#include "cli/serve.h"

#include "os/file.h"
#include "os/user.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Beginning ------------------------------------------------------------------------------- */

static int fail(const cli_args *args, const char *text)
{
    swell_error error = {.status = SWELL_IO, .offset = SWELL_NO_OFFSET};
    (void)snprintf(error.text, sizeof error.text, "%s", text);
    return serve_report("sandbox", &error, false, cli_has(args, "json"));
}

static int check_options(const cli_wall *w, const cli_args *args)
{
    if (!w->is_on && (cli_has(args, "user") || cli_has(args, "require-sandbox"))) {
        return cli_usage_error(NULL, "--no-sandbox: the user is changed by the sandbox only");
    }
    if (cli_has(args, "user") && geteuid() != 0) {
        return cli_usage_error(NULL, "--user: only the superuser can become somebody else");
    }
    return CLI_OK;
}

static int add_path(cli_wall *w, const char *path)
{
    if (strcmp(path, "-") == 0) {
        return CLI_OK; /* standard input is not read again */
    }
    if (w->paths_count == CLI_WALL_PATHS) {
        return cli_usage_error(NULL, "too many files");
    }
    w->paths[w->paths_count++] = path;
    return CLI_OK;
}

static int gather_paths(cli_wall *w, const cli_args *args)
{
    static const char *const OPTIONS[] = {"tls-cert", "tls-key", "tls-client-ca"};
    int code = add_path(w, args->operands[0]);
    for (size_t i = 0; i < args->given_count && code == CLI_OK; i++) {
        for (size_t k = 0; k < SW_COUNTOF(OPTIONS) && code == CLI_OK; k++) {
            if (strcmp(args->given[i].option->name, OPTIONS[k]) == 0) {
                code = add_path(w, args->given[i].value);
            }
        }
    }
    return code;
}

/* ---- The cache --------------------------------------------------------------------------------
 */

static bool is_private(const char *dir)
{
    struct stat s;
    return stat(dir, &s) == 0 && s.st_uid == geteuid() && (s.st_mode & 022) == 0;
}

/*
 * The cache of who we will be, in the cache of who we are: the superuser must not load what the
 * confined process could write. It is reached by its descriptor, since the folders above it are
 * not for others.
 */
static bool open_cache_for(cli_wall *w, const sw_user *user)
{
    char path[CLI_PATH_BYTES + 32];
    struct stat s;
    (void)snprintf(path, sizeof path, "%s/serve-%u", w->cache, (unsigned)user->uid);
    if (!is_private(w->cache) || sw_dir_make(path, 0700, NULL) != SW_OK) {
        return false;
    }
    SW_AUTO(sw_fd_close) int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &s) != 0 || (s.st_uid != user->uid && s.st_uid != geteuid()) ||
        fchown(fd, user->uid, user->gid) != 0) {
        return false;
    }
    (void)snprintf(w->cache, sizeof w->cache, "/proc/self/fd/%d", fd);
    w->cache_fd = fd;
    fd = -1;
    return true;
}

/* Without a cache, programs are compiled at each start: slower, and no failure. */
static int prepare_cache(cli_wall *w, const cli_args *args)
{
    sw_diag diag = {};
    sw_user user = SW_USER_NOBODY;
    const char *name = cli_value(args, "user");
    if (name != NULL && sw_user_find(name, &diag, &user) != SW_OK) {
        return cli_usage_error(NULL, "--user: %s", diag.text);
    }
    bool has = cli_cache_dir(args, w->cache, sizeof w->cache);
    if (has && w->is_on) {
        has = sw_dir_make(w->cache, 0700, NULL) == SW_OK &&
              (geteuid() != 0 || user.uid == 0 || open_cache_for(w, &user));
    }
    if (!has) {
        w->cache[0] = '\0';
    }
    return CLI_OK;
}

const char *cli_wall_cache(const cli_wall *w)
{
    return w->cache[0] == '\0' ? NULL : w->cache;
}

int cli_wall_begin(cli_wall *w, const cli_args *args)
{
    sw_diag diag = {};
    w->keeper.fd = -1;
    w->is_on = !cli_has(args, "no-sandbox");
    int code = check_options(w, args);
    code = code != CLI_OK ? code : gather_paths(w, args);
    if (code == CLI_OK && w->is_on &&
        sw_keeper_start(&w->keeper, w->paths, w->paths_count, &diag) != SW_OK) {
        return fail(args, diag.text);
    }
    return code != CLI_OK ? code : prepare_cache(w, args);
}

/* ---- Entering ---------------------------------------------------------------------------------
 */

/* Runs in a signal handler. */
static void say_violation(const char *call)
{
    const char *const parts[] = {"error: sandbox: the system call '", call,
                                 "' is never made here: the process ends\n"};
    for (size_t i = 0; i < SW_COUNTOF(parts); i++) {
        ssize_t ignored = write(STDERR_FILENO, parts[i], strlen(parts[i]));
        (void)ignored;
    }
}

static int check_whole(const cli_wall *w, const cli_args *args)
{
    if (!w->report.has_seccomp) {
        return fail(args, "--require-sandbox: this kernel has no seccomp filters");
    }
    return w->report.landlock != 0 ? CLI_OK
                                   : fail(args, "--require-sandbox: this kernel has no Landlock");
}

int cli_wall_enter(cli_wall *w, const cli_args *args, const swell_grants *grants, const char *url)
{
    swell_error error = {};
    const char *cache = w->cache;
    swell_confinement c = {.user = cli_value(args, "user"),
                           .grants = grants,
                           .write_paths = &cache,
                           .write_paths_count = cache[0] != '\0',
                           .urls = &url,
                           .urls_count = url != NULL,
                           .on_violation = say_violation};
    if (!w->is_on) {
        return CLI_OK;
    }
    if (swell_confine(&c, &error, &w->report) != SWELL_OK) {
        int code = serve_report("sandbox", &error, false, cli_has(args, "json"));
        if (error.status == SWELL_DENIED && !cli_has(args, "json")) {
            (void)fprintf(stderr,
                          "hint: --user says who to be, --no-sandbox does without all of it\n");
        }
        return code;
    }
    w->has_entered = true;
    return cli_has(args, "require-sandbox") ? check_whole(w, args) : CLI_OK;
}

void cli_wall_end(cli_wall *w)
{
    sw_keeper_clear(&w->keeper);
    sw_fd_close(w->cache_fd == 0 ? -1 : w->cache_fd);
}

int cli_wall_open(void *wall, const char *path)
{
    const cli_wall *w = wall;
    return w->has_entered ? sw_keeper_open(&w->keeper, path)
                          : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
}

/* ---- Reporting --------------------------------------------------------------------------------
 */

void cli_wall_write_json(const cli_wall *w, sw_json *out)
{
    const swell_confined *r = &w->report;
    if (!w->is_on) {
        sw_json_null(out);
        return;
    }
    sw_json_object_begin(out);
    sw_json_key(out, SW_STR("user"));
    if (r->user[0] == '\0') {
        sw_json_null(out);
    } else {
        sw_json_str(out, sw_str_of(r->user));
    }
    sw_json_key(out, SW_STR("seccomp"));
    sw_json_bool(out, r->has_seccomp);
    sw_json_key(out, SW_STR("landlock"));
    sw_json_u64(out, r->landlock);
    sw_json_key(out, SW_STR("tcp"));
    sw_json_bool(out, r->has_tcp);
    sw_json_object_end(out);
}

void cli_wall_write(const cli_wall *w, sw_buf *out)
{
    const swell_confined *r = &w->report;
    if (!w->is_on) {
        sw_buf_printf(out, "off%s", geteuid() == 0 ? ", as the superuser" : "");
        return;
    }
    if (r->user[0] != '\0') {
        sw_buf_printf(out, "user %s, ", r->user);
    }
    sw_buf_printf(out, "%sseccomp%s, ", r->has_seccomp ? "" : "no ",
                  r->has_seccomp ? "" : " (not to be had here)");
    sw_buf_printf(out, "%s",
                  r->landlock == 0 ? "no landlock (not to be had here)"
                  : r->has_tcp     ? "landlock files and tcp"
                                   : "landlock files");
}
