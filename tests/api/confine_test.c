/* What grants come to in a process that confines itself, each row in a child; and the order that
 * goes with it: a server before its program, a program from a descriptor. */
#include "world.h"

#include "base/base.h"

#include <swell/confine.h>
#include <swell/server.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* (module (func (export "f") (result i32) i32.const 5)) */
static const uint8_t MODULE[] = "\0asm\1\0\0\0"
                                "\1\5\1\x60\0\1\x7f"
                                "\3\2\1\0"
                                "\7\5\1\1f\0\0"
                                "\xa\6\1\4\0\x41\5\xb";

enum { BROKEN = 250 };

static char dir[] = "/tmp/swell-confine-XXXXXX";

static const char *in_dir(const char *name)
{
    static char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

/* Everything is for everybody: what is refused is refused by the confinement. */
static int setup(void **)
{
    (void)umask(0);
    if (mkdtemp(dir) == NULL || chmod(dir, 0777) != 0 || mkdir(in_dir("granted"), 0777) != 0 ||
        mkdir(in_dir("own"), 0777) != 0) {
        return 1;
    }
    FILE *f = fopen(in_dir("granted/file"), "wb");
    return f != NULL && fwrite(MODULE, sizeof MODULE - 1, 1, f) == 1 && fclose(f) == 0 ? 0 : 1;
}

static int teardown(void **)
{
    char command[96];
    (void)snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

/* ---- Things to try: 0, or -1 and errno ---------------------------------------------------------
 */

static int read_granted(void)
{
    return open(in_dir("granted/file"), O_RDONLY | O_CLOEXEC);
}

static int write_granted(void)
{
    return open(in_dir("granted/new"), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
}

static int write_own(void)
{
    return open(in_dir("own/new"), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
}

static int read_hosts(void)
{
    return open("/etc/hosts", O_RDONLY | O_CLOEXEC);
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd < 0 ? -1 : connect(fd, (struct sockaddr *)&a, sizeof a);
}

/* Nobody listens at either. */
static int connect_to_1(void)
{
    return connect_to(1);
}

static int connect_to_2(void)
{
    return connect_to(2);
}

static int be_root(void)
{
    return geteuid() == 0 ? 0 : (errno = EPERM, -1);
}

/* ---- Rows --------------------------------------------------------------------------------------
 */

typedef struct row {
    const char *what;
    const char *dir_spec; /* after the folder's name: "", ":ro"; NULL: none */
    const char *http;
    const char *url;
    bool has_own; /* a folder that the process itself changes */
    int (*thing)(void);
    int end;          /* an error number, or 0 */
    unsigned version; /* of Landlock that it takes; 0: none */
} row;

static swell_grants *grants_of(const row *r)
{
    char spec[160];
    swell_grants *g = NULL;
    if (swell_grants_new(&g) != SWELL_OK) {
        return NULL;
    }
    (void)snprintf(spec, sizeof spec, "%s%s", in_dir("granted"),
                   r->dir_spec == NULL ? "" : r->dir_spec);
    bool ok = r->dir_spec == NULL || swell_grants_add_dir(g, swell_str_of(spec), NULL) == SWELL_OK;
    ok = ok &&
         (r->http == NULL || swell_grants_add_http(g, swell_str_of(r->http), NULL) == SWELL_OK);
    return ok ? g : NULL;
}

static int try_row(const row *r, unsigned *ret_version)
{
    char own[128];
    const char *writes = own;
    (void)snprintf(own, sizeof own, "%s", in_dir("own"));
    swell_grants *grants = grants_of(r);
    swell_confinement c = {.grants = grants,
                           .write_paths = &writes,
                           .write_paths_count = r->has_own,
                           .urls = &r->url,
                           .urls_count = r->url != NULL};
    swell_confined report = {};
    if (grants == NULL || swell_confine(&c, NULL, &report) != SWELL_OK || !report.has_seccomp) {
        return BROKEN;
    }
    *ret_version = report.landlock;
    return r->thing() < 0 ? errno : 0;
}

static int end_of(const row *r)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        unsigned version = 0;
        int end = try_row(r, &version);
        (void)syscall(SYS_exit_group, version < r->version ? r->end : end);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void grants_come_to_this(void **)
{
    static const row ROWS[] = {
        {"nothing: a file",            NULL,  NULL,                 NULL,                    false, read_granted,  EACCES,       1},
        {"nothing: the hosts",         NULL,  NULL,                 NULL,                    false, read_hosts,    EACCES,       0},
        {"nothing: a socket",          NULL,  NULL,                 NULL,                    false, connect_to_1,  EACCES,       0},
        {"a folder to read",           ":ro", NULL,                 NULL,                    false, read_granted,  0,            0},
        {"a folder to read, written",  ":ro", NULL,                 NULL,                    false, write_granted, EACCES,       0},
        {"a folder",                   "",    NULL,                 NULL,                    false, write_granted, 0,            0},
        {"a folder, and beside it",    "",    NULL,                 NULL,                    false, write_own,     EACCES,       1},
        {"a folder of its own",        NULL,  NULL,                 NULL,                    true,  write_own,     0,            0},
        {"a folder of its own, other", NULL,  NULL,                 NULL,                    true,  write_granted, EACCES,       1},
        {"a port",                     NULL,  "http://127.0.0.1:1", NULL,                    false, connect_to_1,  ECONNREFUSED, 0},
        {"another port",               NULL,  "http://127.0.0.1:1", NULL,                    false, connect_to_2,  EACCES,       4},
        {"any port",                   NULL,  "http://127.0.0.1:*", NULL,                    false, connect_to_2,  ECONNREFUSED, 0},
        {"a network: names",           NULL,  "http://127.0.0.1:1", NULL,                    false, read_hosts,    0,            0},
        {"a network: files",           NULL,  "http://127.0.0.1:1", NULL,                    false, read_granted,  EACCES,       1},
        {"a URL",                      NULL,  NULL,                 "http://127.0.0.1:2/v1", false, connect_to_2,  ECONNREFUSED, 0},
        {"a URL, another port",        NULL,  NULL,                 "http://127.0.0.1:2/v1", false, connect_to_1,  EACCES,
         4                                                                                                                        },
    };
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        int end = end_of(&ROWS[i]);
        if (end != ROWS[i].end) {
            fail_msg("%s: %d, not %d", ROWS[i].what, end, ROWS[i].end);
        }
    }
    assert_int_equal(end_of(&(row){.what = "a user", .thing = be_root, .end = EPERM}), EPERM);
}

/* ---- Failures ----------------------------------------------------------------------------------
 */

static void an_absent_folder_is_named(void **)
{
    swell_grants *grants;
    swell_error error = {};
    swell_confined report;
    assert_int_equal(swell_grants_new(&grants), SWELL_OK);
    assert_int_equal(swell_grants_add_dir(grants, swell_str_of("/nowhere"), NULL), SWELL_OK);
    swell_confinement c = {.grants = grants};
    assert_int_equal(swell_confine(&c, &error, &report), SWELL_NOT_FOUND);
    assert_non_null(strstr(error.text, "/nowhere"));
    const char *url = "not a URL";
    c = (swell_confinement){.grants = grants, .urls = &url, .urls_count = 1};
    assert_int_equal(swell_confine(&c, NULL, &report), SWELL_ARGUMENT);
    c = (swell_confinement){.grants = grants, .user = "no-such-user"};
    assert_int_equal(swell_confine(&c, NULL, &report), SWELL_NOT_FOUND);
    swell_grants_free(grants);
}

static void a_server_needs_a_program_to_start(void **)
{
    swell_engine *engine;
    swell_server *server;
    swell_error error = {};
    const char *listen = "127.0.0.1:0";
    swell_server_config config = {.listen = &listen, .listen_count = 1};
    assert_int_equal(swell_engine_new(NULL, NULL, &engine), SWELL_OK);
    assert_int_equal(swell_server_new(engine, NULL, NULL, &config, &error, &server), SWELL_OK);
    assert_non_null(swell_server_url(server, 0));
    assert_int_equal(swell_server_start(server, &error), SWELL_ARGUMENT);
    swell_server_free(server);
    swell_engine_free(engine);
}

static void a_program_from_a_descriptor(void **)
{
    swell_engine *engine;
    swell_program *program;
    swell_error error = {};
    char byte;
    assert_int_equal(swell_engine_new(NULL, NULL, &engine), SWELL_OK);
    int fd = read_granted();
    assert_true(fd >= 0);
    assert_int_equal(swell_program_open_fd(engine, fd, "it", NULL, &error, &program), SWELL_OK);
    assert_int_equal(swell_program_kind(program), SWELL_KIND_MODULE);
    swell_program_free(program);
    assert_int_equal(swell_program_open_fd(engine, fd, "it", NULL, &error, &program),
                     SWELL_MALFORMED);       /* it is at its end */
    assert_int_equal(read(fd, &byte, 1), 0); /* and still open */
    close(fd);
    assert_int_equal(swell_program_open_fd(engine, -1, "it", NULL, &error, &program), SWELL_IO);
    swell_engine_free(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grants_come_to_this),
        cmocka_unit_test(an_absent_folder_is_named),
        cmocka_unit_test(a_server_needs_a_program_to_start),
        cmocka_unit_test(a_program_from_a_descriptor),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
