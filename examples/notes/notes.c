/* A notebook in one file, the example that `make demo` builds and runs under grants.
 *
 *     notes add TEXT...     writes a line to notes/list.txt
 *     notes list            prints the lines with their numbers
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char path[] = "notes/list.txt";

static int fail(const char *what)
{
    fprintf(stderr, "notes: cannot %s %s: %s\n", what, path, strerror(errno));
    return 1;
}

static int add(int count, char **words)
{
    FILE *file = fopen(path, "a");
    if (!file) {
        return fail("write");
    }
    for (int i = 0; i < count; i++) {
        fprintf(file, "%s%s", i ? " " : "", words[i]);
    }
    fputc('\n', file);
    if (fclose(file)) {
        return fail("write");
    }
    puts("noted");
    return 0;
}

static int list(void)
{
    char line[256];
    FILE *file = fopen(path, "r");
    if (!file) {
        return fail("read");
    }
    for (int number = 1; fgets(line, sizeof line, file); number++) {
        printf("%2d. %s", number, line);
    }
    fclose(file);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "add") == 0) {
        return add(argc - 2, argv + 2);
    }
    if (argc == 2 && strcmp(argv[1], "list") == 0) {
        return list();
    }
    fputs("usage: notes add TEXT... | notes list\n", stderr);
    return 2;
}
