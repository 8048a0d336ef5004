/* Copies stdin, or the files that the arguments name, to stdout through a small unaligned buffer,
 * and says on stderr how many bytes there were. */
#include "guest.h"

#include <fcntl.h>
#include <unistd.h>

static size_t copy(int from)
{
    static char buffer[4093];
    size_t total = 0;
    for (;;) {
        ssize_t got = read(from, buffer, sizeof buffer);
        if (got < 0) {
            guest_fail("read");
        }
        if (got == 0) {
            return total;
        }
        for (ssize_t done = 0; done < got;) {
            ssize_t put = write(STDOUT_FILENO, buffer + done, (size_t)(got - done));
            if (put < 0) {
                fprintf(stderr, "write: %s\n", guest_errno_name(errno));
                exit(1);
            }
            done += put;
        }
        total += (size_t)got;
    }
}

int main(int argc, char **argv)
{
    size_t total = 0;
    if (argc == 1) {
        total = copy(STDIN_FILENO);
    }
    for (int i = 1; i < argc; i++) {
        int fd = open(argv[i], O_RDONLY);
        if (fd < 0) {
            guest_fail(argv[i]);
        }
        total += copy(fd);
        close(fd);
    }
    fprintf(stderr, "%zu bytes\n", total);
    return 0;
}
