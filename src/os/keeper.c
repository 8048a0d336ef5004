#include "os/keeper.h"

#include "os/file.h"
#include "os/seccomp.h"
#include "os/user.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What is answered: an error number, and with 0 the descriptor beside it. */
typedef union control {
    struct cmsghdr head; /* for the alignment */
    char bytes[CMSG_SPACE(sizeof(int))];
} control;

/* ---- The keeper's side ----------------------------------------------------------------------- */

static void answer(int socket, int fd)
{
    int err = fd < 0 ? errno : 0;
    control c = {};
    struct iovec part = {&err, sizeof err};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (fd >= 0) {
        message.msg_control = c.bytes;
        message.msg_controllen = sizeof c.bytes;
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(head), &fd, sizeof fd);
    }
    (void)sendmsg(socket, &message, MSG_NOSIGNAL);
}

static void answer_all(const sw_keeper *k)
{
    uint32_t index;
    while (recv(k->fd, &index, sizeof index, 0) == (ssize_t)sizeof index) {
        int fd = -1;
        errno = EACCES;
        if (index < k->count) {
            /* Whoever replaced the file by a pipe or a terminal does not stop us. */
            fd = open(k->paths[index], O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        }
        answer(k->fd, fd);
        sw_fd_close(fd);
    }
}

/* Descriptors of the other process must not live on in this one. */
static void close_others(int kept)
{
    if (kept > 0) {
        (void)syscall(SYS_close_range, 0u, (unsigned)kept - 1, 0u);
    }
    if (syscall(SYS_close_range, (unsigned)kept + 1, ~0u, 0u) == 0) {
        return;
    }
    long most = sysconf(_SC_OPEN_MAX); /* before Linux 5.9 */
    for (int fd = 0; fd < most; fd++) {
        if (fd != kept) {
            (void)close(fd);
        }
    }
}

/* Its end is that of its socket's other side, so it needs no signals. Where filters are not to be
 * had, it does without. */
static void keep(const sw_keeper *k)
{
    sigset_t all;
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, NULL);
    (void)prctl(PR_SET_NAME, "swell-keeper");
    (void)prctl(PR_SET_DUMPABLE, 0);
    close_others(k->fd);
    if (sw_capabilities_keep_reading(NULL) == SW_OK) {
        sw_status st = sw_seccomp_enter(SW_SECCOMP_READ, NULL, NULL);
        (void)st;
        answer_all(k);
    }
}

/* ---- The other's side ------------------------------------------------------------------------ */

sw_status sw_keeper_start(sw_keeper *ret_keeper, const char *const *paths, size_t count,
                          sw_diag *diag)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        return sw_fail(diag, SW_IO, SW_NO_OFFSET, "keeper: %m");
    }
    pid_t pid = fork();
    if (pid == 0) {
        keep(&(sw_keeper){ends[1], paths, count});
        (void)syscall(SYS_exit_group,
                      0); /* and nothing that the other process would do at its end */
    }
    sw_fd_close(ends[1]);
    if (pid < 0) {
        sw_fd_close(ends[0]);
        return sw_fail(diag, SW_IO, SW_NO_OFFSET, "keeper: %m");
    }
    *ret_keeper = (sw_keeper){ends[0], paths, count};
    return SW_OK;
}

static int receive(int socket)
{
    int err = 0, fd = -1;
    control c = {};
    struct iovec part = {&err, sizeof err};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = c.bytes,
                             .msg_controllen = sizeof c.bytes};
    ssize_t got;
    do {
        got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    const struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    if (got != (ssize_t)sizeof err || (err == 0 && head == NULL)) {
        errno = EOWNERDEAD;
    } else if (err != 0) {
        errno = err;
    } else {
        memcpy(&fd, CMSG_DATA(head), sizeof fd);
    }
    return fd;
}

int sw_keeper_open(const sw_keeper *k, const char *path)
{
    for (uint32_t i = 0; i < k->count; i++) {
        if (strcmp(k->paths[i], path) == 0) {
            if (send(k->fd, &i, sizeof i, MSG_NOSIGNAL) == (ssize_t)sizeof i) {
                return receive(k->fd);
            }
            errno = EOWNERDEAD;
            return -1;
        }
    }
    errno = EACCES;
    return -1;
}

void sw_keeper_clear(sw_keeper *k)
{
    sw_fd_close(k->fd);
    k->fd = -1;
}
