/* A command line for SQLite: runs the statements on stdin against the database it is given and
 * prints the rows, values separated by bars. */
#include <stdio.h>
#include <stdlib.h>

#include "sqlite3.h"

static int print_row(void *env, int count, char **values, char **names)
{
    (void)env, (void)names;
    for (int i = 0; i < count; i++) {
        printf("%s%s", i ? "|" : "", values[i] ? values[i] : "");
    }
    putchar('\n');
    return 0;
}

static char *read_all(FILE *file)
{
    size_t size = 0, room = 4096;
    char *text = malloc(room);
    while (text) {
        size += fread(text + size, 1, room - size - 1, file);
        if (size + 1 < room) {
            text[size] = 0;
            return text;
        }
        room *= 2;
        text = realloc(text, room);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    sqlite3 *database;
    char *error = NULL, *script = read_all(stdin);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;

    /* One process has the file, so no locks are asked of the system. */
    if (argc != 2 || !script ||
        sqlite3_open_v2(argv[1], &database, flags, "unix-none") != SQLITE_OK) {
        fputs("usage: sqlite DATABASE <SCRIPT\n", stderr);
        return 2;
    }
    int status = sqlite3_exec(database, script, print_row, NULL, &error);
    if (status != SQLITE_OK) {
        fprintf(stderr, "sqlite: %s\n", error);
    }
    sqlite3_close(database);
    free(script);
    return status != SQLITE_OK;
}
