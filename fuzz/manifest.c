/*
 * Any bytes as a manifest, an index or an image's configuration: refused with a message, or what
 * was read holds together: one program, a chosen entry, sizes and types that are what they should
 * be.
 */
#include "registry/manifest.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_content(const sw_content *c)
{
    for (const char *p = c->media_type; *p != '\0'; p++) {
        check(*p > ' ' && *p <= '~');
    }
    check(c->size_bytes <= INT64_MAX);
}

static void check_manifest(const sw_manifest *m)
{
    sw_diag diag = {};
    const sw_part *part = NULL;
    check(m->parts_count <= SW_MANIFEST_MAX_LAYERS);
    for (size_t i = 0; i < m->parts_count; i++) {
        check_content(&m->parts[i].content);
    }
    sw_status st =
        m->is_index ? sw_manifest_choose(m, &diag, &part) : sw_manifest_program(m, &diag, &part);
    check((st == SW_OK) == (diag.text[0] == '\0'));
    check(st != SW_OK || part == NULL || (part >= m->parts && part < m->parts + m->parts_count));
    check(!m->is_index || st != SW_OK || part != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sw_arena arena;
    sw_manifest m;
    sw_str path;
    sw_diag diag = {};
    sw_bytes json = {data, size};
    sw_arena_init(&arena, NULL, (size_t)64 << 20);
    if (sw_manifest_read(json, "", &arena, &diag, &m) == SW_OK) {
        check(diag.text[0] == '\0');
        check_manifest(&m);
    } else {
        check(diag.text[0] != '\0');
    }
    if (sw_image_entry(json, &arena, NULL, &path) == SW_OK) {
        check(path.ptr != NULL);
    }
    sw_arena_clear(&arena);
    return 0;
}
