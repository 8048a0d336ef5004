/*
 * Scores the WIT room by acceptance: every entry of a folder must be accepted, every entry of its
 * "parse-fail" folder refused with a message. Usage: suite FOLDER; without one, $SUITES/tools/wit.
 * Exit status 77 (skipped) when there is no such folder.
 */
#include "wit/wit.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct score {
    unsigned right, wrong;
    bool verbose;
} score;

/* The feature that the suite calls "active" is on. */
static sw_status try_path(const char *path, sw_diag *diag)
{
    static const sw_str names[] = {SW_STR_INIT("active")};
    const sw_wit_features features = {.names = names, .count = 1};
    sw_arena arena;
    sw_wit wit;
    sw_arena_init(&arena, NULL, (size_t)256 << 20);
    sw_wit_init(&wit, &arena);
    sw_status st = sw_wit_add_path(&wit, path, diag);
    if (st == SW_OK) {
        st = sw_wit_resolve(&wit, &features, diag);
    }
    for (const sw_wit_package *p = wit.packages; p != NULL && st == SW_OK; p = p->next) {
        for (const sw_wit_scope *s = p->scopes; s != NULL; s = s->next) {
            for (const sw_wit_interface *i = s->interfaces; i != NULL && st == SW_OK; i = i->next) {
                sw_wit_types types;
                st = sw_wit_types_make(&wit, i, diag, &types);
            }
        }
    }
    sw_arena_clear(&arena);
    return st;
}

static bool is_case(const char *name)
{
    sw_str s = sw_str_of(name);
    return s.ptr[0] != '.' && !sw_str_ends(s, SW_STR(".json")) &&
           !sw_str_ends(s, SW_STR(".result")) && !sw_str_eq(s, SW_STR("parse-fail"));
}

static bool score_folder(const char *folder, bool want_ok, score *s)
{
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        return false;
    }
    for (const struct dirent *d = readdir(dir); d != NULL; d = readdir(dir)) {
        char path[4096];
        sw_diag diag = {0};
        if (!is_case(d->d_name)) {
            continue;
        }
        (void)snprintf(path, sizeof path, "%s/%s", folder, d->d_name);
        bool is_ok = try_path(path, &diag) == SW_OK;
        bool right = is_ok == want_ok && (is_ok || diag.text[0] != '\0');
        s->right += right;
        s->wrong += !right;
        if (!right) {
            (void)printf("WRONG %s: %s\n", d->d_name, is_ok ? "accepted" : diag.text);
        } else if (s->verbose) {
            (void)printf("%s: %s\n", d->d_name, is_ok ? "accepted" : diag.text);
        }
    }
    (void)closedir(dir);
    return true;
}

int main(int argc, char **argv)
{
    char folder[2048];
    char fail[4096];
    score accept = {.verbose = argc > 2};
    score refuse = {.verbose = argc > 2};
    const char *suites = getenv("SUITES");
    (void)snprintf(folder, sizeof folder, "%s%s",
                   argc > 1         ? argv[1]
                   : suites == NULL ? ""
                                    : suites,
                   argc > 1 ? "" : "/tools/wit");
    (void)snprintf(fail, sizeof fail, "%s/parse-fail", folder);
    if (!score_folder(folder, true, &accept) || !score_folder(fail, false, &refuse)) {
        return 77;
    }
    (void)printf("accepted as they should be: %u of %u; refused: %u of %u\n", accept.right,
                 accept.right + accept.wrong, refuse.right, refuse.right + refuse.wrong);
    return accept.wrong + refuse.wrong == 0 ? 0 : 1;
}
