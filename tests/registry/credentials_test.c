/* Credentials: which file and which entry counts, helpers, and how files are written. */
#include "registry/credentials.h"

#include "os/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64];
static sw_arena arena;

static const char *in_dir(const char *name)
{
    static char path[4][256];
    static unsigned next;
    char *p = path[next++ % 4];
    (void)snprintf(p, sizeof path[0], "%s/%s", dir, name);
    return p;
}

static void write_file(const char *name, const char *text, unsigned mode)
{
    char folder[256];
    sw_diag diag = {};
    (void)snprintf(folder, sizeof folder, "%s", in_dir(name));
    *strrchr(folder, '/') = '\0';
    assert_int_equal(sw_dir_make(folder, 0700, &diag), SW_OK);
    assert_int_equal(sw_file_write(in_dir(name), sw_str_bytes(sw_str_of(text)), mode, false, &diag),
                     SW_OK);
}

/* A helper keeps what it is given in a file beside it, one for each verb. */
static const char HELPER[] =
    "#!/bin/sh\n"
    "case $1 in\n"
    "get) read host\n"
    "     case $host in\n"
    "     tokens.io) echo '{\"Username\":\"<token>\",\"Secret\":\"identity\"}' ;;\n"
    "     broken.io) echo boom; exit 3 ;;\n"
    "     helped.io) echo '{\"Username\":\"helper\",\"Secret\":\"h\"}' ;;\n"
    "     *) echo 'credentials not found in native keychain'; exit 1 ;;\n"
    "     esac ;;\n"
    "*) cat > \"$(dirname \"$0\")/$1.in\" ;;\n"
    "esac\n";

static int set_up(void **state)
{
    (void)state;
    char path[4096];
    (void)snprintf(dir, sizeof dir, "/tmp/swell-credentials-XXXXXX");
    if (mkdtemp(dir) == NULL) {
        return -1;
    }
    sw_arena_init(&arena, NULL, 1 << 20);
    write_file("bin/docker-credential-test", HELPER, 0755);
    assert_int_equal(chmod(in_dir("bin/docker-credential-test"), 0755), 0);
    (void)snprintf(path, sizeof path, "%s/bin:%s", dir, getenv("PATH"));
    (void)setenv("PATH", path, 1);
    (void)setenv("HOME", dir, 1);
    (void)unsetenv("DOCKER_CONFIG");
    (void)unsetenv("REGISTRY_AUTH_FILE");
    (void)setenv("XDG_RUNTIME_DIR", in_dir("run"), 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[128];
    sw_arena_clear(&arena);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command);
}

static void expect(const char *host, const char *repository, const char *user, const char *password)
{
    sw_credentials c = {};
    sw_diag diag = {};
    assert_int_equal(sw_credentials_find(host, repository, &arena, &diag, &c), SW_OK);
    assert_int_equal(c.is_found, user != NULL);
    if (user != NULL) {
        assert_string_equal(c.user.ptr, user);
        assert_string_equal(c.password.ptr, password);
    }
}

static void the_nearest_entry_counts(void **state)
{
    (void)state;
    /* a:1, b:2, c:3, d:4, hub:5 */
    write_file(".docker/config.json",
               "{\"auths\":{\"ghcr.io\":{\"auth\":\"YTox\"},\"ghcr.io/acme\":{\"auth\":\"Yjoy\"},"
               "\"ghcr.io/acme/x\":{\"auth\":\"Yzoz\"},\"https://old.io/v1/\":{\"auth\":\"ZDo0\"},"
               "\"https://index.docker.io/v1/\":{\"auth\":\"aHViOjU=\"},\"empty.io\":{}}}",
               0600);
    expect("ghcr.io", NULL, "a", "1");
    expect("ghcr.io", "other/x", "a", "1");
    expect("ghcr.io", "acme/y", "b", "2");
    expect("ghcr.io", "acme/x", "c", "3");
    expect("ghcr.io", "acme/x/z", "c", "3");
    expect("ghcr.io", "acmeous/x", "a", "1");
    expect("old.io", "x", "d", "4");
    expect("docker.io", "library/nginx", "hub", "5");
    expect("empty.io", NULL, NULL, NULL);
    expect("other.io", NULL, NULL, NULL);
}

static void files_are_asked_in_order(void **state)
{
    (void)state;
    write_file(".docker/config.json",
               "{\"auths\":{\"a.io\":{\"auth\":\"YTox\"},\"b.io\":{\"auth\":\"YTox\"}}}", 0600);
    write_file("run/containers/auth.json", "{\"auths\":{\"a.io\":{\"auth\":\"Yjoy\"}}}", 0600);
    expect("a.io", NULL, "b", "2");
    expect("b.io", NULL, "a", "1");
    write_file("own.json", "{\"auths\":{\"a.io\":{\"auth\":\"Yzoz\"}}}", 0600);
    (void)setenv("REGISTRY_AUTH_FILE", in_dir("own.json"), 1);
    expect("a.io", NULL, "c", "3");
}

static void helpers_are_asked(void **state)
{
    (void)state;
    sw_credentials c = {};
    sw_diag diag = {};
    write_file(
        ".docker/config.json",
        "{\"credsStore\":\"test\",\"credHelpers\":{\"gone.io\":\"missing\",\"evil.io\":\"../x\"},"
        "\"auths\":{\"file.io\":{\"auth\":\"YTox\"}}}",
        0600);
    expect("helped.io", NULL, "helper", "h");
    expect("file.io", NULL, "a", "1");
    expect("unknown.io", NULL, NULL, NULL);
    assert_int_equal(sw_credentials_find("tokens.io", NULL, &arena, &diag, &c), SW_OK);
    assert_string_equal(c.identity_token.ptr, "identity");
    assert_int_equal(sw_credentials_find("broken.io", NULL, &arena, &diag, &c), SW_IO);
    assert_int_equal(sw_credentials_find("gone.io", NULL, &arena, NULL, &c), SW_IO);
    assert_int_equal(sw_credentials_find("evil.io", NULL, &arena, NULL, &c), SW_ARGUMENT);
}

static void what_is_malformed_is_told(void **state)
{
    (void)state;
    static const char *const ROWS[] = {"{", "[]", "{\"auths\":{\"a.io\":{\"auth\":\"%%%\"}}}",
                                       "{\"auths\":{\"a.io\":{\"auth\":\"YQ==\"}}}"};
    for (size_t i = 0; i < SW_COUNTOF(ROWS); i++) {
        sw_credentials c;
        sw_diag diag = {};
        write_file(".docker/config.json", ROWS[i], 0600);
        assert_int_equal(sw_credentials_find("a.io", NULL, &arena, &diag, &c), SW_INVALID);
        assert_true(diag.text[0] != '\0');
    }
}

static void login_and_logout_keep_the_rest(void **state)
{
    (void)state;
    sw_str where;
    sw_diag diag = {};
    struct stat st;
    sw_file_data data = {};
    assert_int_equal(sw_credentials_remove("a.io", &arena, NULL), SW_NOT_FOUND);
    assert_int_equal(sw_credentials_save("a.io", SW_STR("u"), SW_STR("p:x"), &arena, &diag, &where),
                     SW_OK);
    assert_string_equal(where.ptr, in_dir(".docker/config.json"));
    expect("a.io", NULL, "u", "p:x");
    write_file(".docker/config.json", "{\"other\":[1],\"auths\":{\"b.io\":{\"auth\":\"YTox\"}}}",
               0644);
    assert_int_equal(
        sw_credentials_save("docker.io", SW_STR("u"), SW_STR("p"), &arena, &diag, &where), SW_OK);
    expect("docker.io", "library/x", "u", "p");
    expect("b.io", NULL, "a", "1");
    assert_int_equal(stat(in_dir(".docker/config.json"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(sw_credentials_remove("docker.io", &arena, &diag), SW_OK);
    expect("docker.io", NULL, NULL, NULL);
    expect("b.io", NULL, "a", "1");
    assert_int_equal(sw_file_read(&data, in_dir(".docker/config.json"), NULL, 4096, &diag), SW_OK);
    assert_non_null(memmem(data.bytes.ptr, data.bytes.len, "\"other\"", 7));
    sw_file_data_clear(&data);
    assert_int_equal(sw_credentials_save("a.io", SW_STR("u:v"), SW_STR("p"), &arena, NULL, &where),
                     SW_ARGUMENT);
}

static void login_goes_to_the_helper(void **state)
{
    (void)state;
    sw_str where;
    sw_diag diag = {};
    sw_file_data data = {};
    write_file(".docker/config.json", "{\"credsStore\":\"test\"}", 0600);
    assert_int_equal(sw_credentials_save("a.io", SW_STR("u"), SW_STR("p\""), &arena, &diag, &where),
                     SW_OK);
    assert_string_equal(where.ptr, "docker-credential-test");
    assert_int_equal(sw_file_read(&data, in_dir("bin/store.in"), NULL, 4096, &diag), SW_OK);
    assert_non_null(memmem(data.bytes.ptr, data.bytes.len, "\"Secret\":\"p\\\"\"", 14));
    sw_file_data_clear(&data);
    assert_int_equal(sw_credentials_remove("a.io", &arena, &diag), SW_OK);
    assert_int_equal(access(in_dir("bin/erase.in"), F_OK), 0);
}

int main(void)
{
#define WITH_HOME(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_HOME(the_nearest_entry_counts),
        WITH_HOME(files_are_asked_in_order),
        WITH_HOME(helpers_are_asked),
        WITH_HOME(what_is_malformed_is_told),
        WITH_HOME(login_and_logout_keep_the_rest),
        WITH_HOME(login_goes_to_the_helper),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
