/* swell login and logout. A password comes from the terminal, unseen, or from standard input; never
 * from the command line, which everybody on the machine can read. */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { SECRET_MAX = 16384, CONTROL_C = 3, CONTROL_D = 4 };

typedef struct secrets {
    char user[1024];
    char password[SECRET_MAX];
} secrets;

/* A line without its end. False: too long, none, or interrupted by ^C, which is a letter while the
 * terminal's own signals are off. */
static bool read_line(int fd, char *out, size_t size)
{
    size_t used = 0;
    for (;;) {
        char c;
        ssize_t n = read(fd, &c, 1);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0 || c == '\n' || c == CONTROL_D) {
            used -= used != 0 && out[used - 1] == '\r';
            out[used] = '\0';
            return n > 0 || used != 0;
        }
        if (c == CONTROL_C || c == '\0' || used + 1 == size) {
            return false;
        }
        out[used++] = c;
    }
}

static void say(int fd, const char *text)
{
    ssize_t n = write(fd, text, strlen(text));
    (void)n;
}

static bool ask(int tty, const char *prompt, bool is_secret, char *out, size_t size)
{
    struct termios old, silent;
    say(tty, prompt);
    bool has_old = is_secret && tcgetattr(tty, &old) == 0;
    if (has_old) {
        silent = old;
        silent.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
        (void)tcsetattr(tty, TCSAFLUSH, &silent);
    }
    bool ok = read_line(tty, out, size);
    if (has_old) {
        (void)tcsetattr(tty, TCSAFLUSH, &old);
        say(tty, "\n");
    }
    return ok;
}

static int read_from_terminal(const char *user, secrets *s)
{
    int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (tty < 0) {
        return cli_usage_error("swell login -u NAME --password-stdin REGISTRY",
                               "there is no terminal to ask for the password");
    }
    bool ok = user != NULL || ask(tty, "User: ", false, s->user, sizeof s->user);
    ok = ok && ask(tty, "Password: ", true, s->password, sizeof s->password);
    (void)close(tty);
    return ok ? CLI_OK : cli_usage_error(NULL, "nobody is logged in");
}

static int read_secrets(const cli_args *args, secrets *s)
{
    const char *user = cli_value(args, "user");
    if (user != NULL && (size_t)snprintf(s->user, sizeof s->user, "%s", user) >= sizeof s->user) {
        return cli_usage_error(NULL, "--user: too long");
    }
    if (!cli_has(args, "password-stdin")) {
        return read_from_terminal(user, s);
    }
    if (user == NULL) {
        return cli_usage_error(NULL, "--password-stdin: needs --user");
    }
    return read_line(STDIN_FILENO, s->password, sizeof s->password)
               ? CLI_OK
               : cli_usage_error(NULL, "--password-stdin: there is no password");
}

static int login(const cli_args *args, swell_registry *registry)
{
    secrets s = {};
    swell_error error = {};
    char where[4096];
    const char *host = args->operands[0];
    int code = read_secrets(args, &s);
    if (code == CLI_OK &&
        swell_registry_login(registry, swell_str_of(host), swell_str_of(s.user),
                             swell_str_of(s.password), &error, where) != SWELL_OK) {
        code = cli_report(host, &error);
    } else if (code == CLI_OK) {
        (void)printf("%s: credentials are kept in %s\n", host, where);
    }
    explicit_bzero(&s, sizeof s);
    return code;
}

static int logout(const cli_args *args, swell_registry *registry)
{
    swell_error error = {};
    const char *host = args->operands[0];
    if (swell_registry_logout(registry, swell_str_of(host), &error) != SWELL_OK) {
        return cli_report(host, &error);
    }
    (void)printf("%s: credentials are removed\n", host);
    return CLI_OK;
}

int cli_login(const cli_args *args)
{
    return cli_with_registry(args, login);
}

int cli_logout(const cli_args *args)
{
    return cli_with_registry(args, logout);
}
