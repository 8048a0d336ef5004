#include "registry/rootfs.h"

#include "registry/unpack.h"

#include <stdio.h>

enum {
    BLOCK_BYTES = 512,
    ENTRIES_MAX = 1 << 20,
    PROGRAM_MAX_BYTES = 1 << 29,
    EXTENSION_MAX_BYTES = 1 << 20, /* of a pax header or a long name */
};

/* Where the header's fields lie. */
typedef struct field {
    size_t offset, len;
} field;

static const field NAME = {0, 100}, SIZE = {124, 12}, CHECKSUM = {148, 8}, TYPE = {156, 1},
                   MAGIC = {257, 6}, PREFIX = {345, 155};

typedef enum sink { SINK_SKIP, SINK_PROGRAM, SINK_PAX, SINK_LONG_NAME } sink;

/* A tar archive that comes in pieces. */
typedef struct tar {
    sw_rootfs *fs;
    sw_diag *diag;
    uint8_t block[BLOCK_BYTES];
    size_t block_used;
    uint64_t data_left;  /* of the entry's contents */
    size_t padding_left; /* behind them */
    sink sink;
    sw_buf extension; /* a pax header or long name that is being read */
    sw_buf path;      /* what an extension said the next entry is called; empty: nothing */
    uint64_t size;    /* what an extension said it has */
    bool has_size, is_sparse;
    uint32_t entries;
    bool is_over; /* two empty blocks, or one: nothing may be said after it */
} tar;

static sw_status fail(const tar *t, const char *what)
{
    return sw_fail(t->diag, SW_MALFORMED, SW_NO_OFFSET, "image layer: %s", what);
}

/* ---- Names ----------------------------------------------------------------------------------- */

/* Without "./" and empty parts. False: absolute, or with "..", or too long. */
static bool normalize(sw_str path, bool may_be_absolute, char out[SW_ROOTFS_PATH_MAX])
{
    size_t used = 0;
    if (path.len != 0 && path.ptr[0] == '/' && !may_be_absolute) {
        return false;
    }
    while (path.len != 0) {
        size_t len = sw_str_find(path, '/');
        sw_str part = sw_str_slice(path, 0, len);
        size_t next = SW_MIN(len + 1, path.len);
        path = sw_str_slice(path, next, path.len - next);
        if (part.len == 0 || sw_str_eq(part, SW_STR("."))) {
            continue;
        }
        if (sw_str_eq(part, SW_STR("..")) || used + part.len + 2 > SW_ROOTFS_PATH_MAX ||
            sw_str_find(part, '\0') != part.len) {
            return false;
        }
        if (used != 0) {
            out[used++] = '/';
        }
        memcpy(out + used, part.ptr, part.len);
        used += part.len;
    }
    out[used] = '\0';
    return true;
}

/* Whether path is dir, or below it. "" is the root. */
static bool is_within(sw_str path, sw_str dir)
{
    return dir.len == 0 ||
           (sw_str_starts(path, dir) && (path.len == dir.len || path.ptr[dir.len] == '/'));
}

static void forget(sw_rootfs *r)
{
    sw_buf_clear(&r->program);
    sw_buf_init(&r->program, NULL, PROGRAM_MAX_BYTES);
    r->found[0] = '\0';
    r->is_link = false;
    r->is_ambiguous = false;
}

/* A whiteout takes away what lower layers have brought. */
static void whiteout(sw_rootfs *r, sw_str path)
{
    size_t slash = path.len;
    while (slash > 0 && path.ptr[slash - 1] != '/') {
        slash--;
    }
    char gone[SW_ROOTFS_PATH_MAX];
    sw_str base = sw_str_slice(path, slash, path.len - slash);
    bool is_opaque = sw_str_eq(base, SW_STR(".wh..wh..opq"));
    int len = is_opaque
                  ? snprintf(gone, sizeof gone, "%.*s", (int)(slash == 0 ? 0 : slash - 1), path.ptr)
                  : snprintf(gone, sizeof gone, "%.*s%.*s", (int)slash, path.ptr, (int)base.len - 4,
                             base.ptr + 4);
    if (r->found[0] != '\0' && r->found_layer < r->layer &&
        is_within(sw_str_of(r->found), (sw_str){gone, (size_t)len})) {
        forget(r);
    }
}

static bool is_whiteout(sw_str path)
{
    size_t slash = path.len;
    while (slash > 0 && path.ptr[slash - 1] != '/') {
        slash--;
    }
    return sw_str_starts(sw_str_slice(path, slash, path.len - slash), SW_STR(".wh."));
}

/* ---- Entries --------------------------------------------------------------------------------- */

static bool is_wanted(const sw_rootfs *r, sw_str path)
{
    return r->wanted[0] != '\0' ? sw_str_eq(path, sw_str_of(r->wanted))
                                : sw_str_ends(path, SW_STR(".wasm"));
}

/* The program, or a link in its place or in that of a folder above it. */
static void keep(sw_rootfs *r, const char *path, bool is_link)
{
    bool is_other = r->found[0] != '\0' && strcmp(r->found, path) != 0;
    bool is_ambiguous = r->wanted[0] == '\0' && (is_other || r->is_ambiguous);
    forget(r);
    (void)snprintf(r->found, sizeof r->found, "%s", path);
    r->found_layer = r->layer;
    r->is_link = is_link;
    r->is_ambiguous = is_ambiguous;
}

static sw_status begin_entry(tar *t, const char *path, char type)
{
    sw_rootfs *r = t->fs;
    sw_str p = sw_str_of(path);
    bool is_file = type == '0' || type == '\0' || type == '7' || type == 'S';
    bool is_link = type == '1' || type == '2';
    t->sink = SINK_SKIP;
    if (is_whiteout(p)) {
        whiteout(r, p);
    } else if (is_file && is_wanted(r, p)) {
        if (t->is_sparse || type == 'S') {
            return fail(t, "the program is a sparse file");
        }
        if (t->data_left > PROGRAM_MAX_BYTES) {
            return sw_fail(t->diag, SW_LIMIT, SW_NO_OFFSET,
                           "image layer: the program is too large");
        }
        keep(r, path, false);
        t->sink = SINK_PROGRAM;
    } else if (is_link && p.len != 0 &&
               (is_wanted(r, p) || (r->wanted[0] != '\0' && is_within(sw_str_of(r->wanted), p)))) {
        keep(r, path, true);
    } else if (!is_file && !is_link && type != '5' && strcmp(r->found, path) == 0) {
        forget(r);
    }
    return SW_OK;
}

/* Octal digits, or big-endian binary when the first bit is set. */
static bool parse_number(const uint8_t *p, size_t len, uint64_t *ret)
{
    uint64_t value = 0;
    size_t i = 0;
    if ((p[0] & 0x80) != 0) {
        for (i = 0; i < len; i++) {
            if (value >> 55 != 0) {
                return false;
            }
            value = value << 8 | (i == 0 ? p[i] & 0x7f : p[i]);
        }
        *ret = value;
        return true;
    }
    while (i < len && p[i] == ' ') {
        i++;
    }
    for (; i < len && p[i] >= '0' && p[i] <= '7'; i++) {
        value = value << 3 | (uint64_t)(p[i] - '0');
    }
    *ret = value;
    return i == len || p[i] == ' ' || p[i] == '\0';
}

static bool is_empty(const uint8_t block[BLOCK_BYTES])
{
    for (size_t i = 0; i < BLOCK_BYTES; i++) {
        if (block[i] != 0) {
            return false;
        }
    }
    return true;
}

static bool checksum_fits(const uint8_t block[BLOCK_BYTES])
{
    uint64_t wanted, sum = 0;
    for (size_t i = 0; i < BLOCK_BYTES; i++) {
        bool is_own = i >= CHECKSUM.offset && i < CHECKSUM.offset + CHECKSUM.len;
        sum += is_own ? ' ' : block[i];
    }
    return parse_number(block + CHECKSUM.offset, CHECKSUM.len, &wanted) && wanted == sum;
}

static sw_str field_text(const uint8_t *block, field f)
{
    sw_str s = {(const char *)block + f.offset, f.len};
    s.len = sw_str_find(s, '\0');
    return s;
}

/* The path of the header, or what an extension before it said. */
static sw_status entry_path(tar *t, char out[SW_ROOTFS_PATH_MAX])
{
    char joined[SW_ROOTFS_PATH_MAX];
    sw_str name = field_text(t->block, NAME), prefix = field_text(t->block, PREFIX);
    bool has_prefix = prefix.len != 0 && memcmp(t->block + MAGIC.offset, "ustar\0", MAGIC.len) == 0;
    (void)snprintf(joined, sizeof joined, "%.*s%s%.*s", has_prefix ? (int)prefix.len : 0,
                   prefix.ptr, has_prefix ? "/" : "", SW_STR_ARG(name));
    sw_str path = sw_str_of(joined);
    if (t->path.len != 0) {
        path = (sw_str){(const char *)t->path.ptr, t->path.len};
    }
    if (!normalize(path, false, out)) {
        return sw_fail(t->diag, SW_INVALID, SW_NO_OFFSET,
                       "image layer: a path is absolute, leads upwards or is too long");
    }
    return SW_OK;
}

static sw_status begin_extension(tar *t, sink to)
{
    if (t->data_left > EXTENSION_MAX_BYTES) {
        return fail(t, "an extended header is too large");
    }
    t->extension.len = 0;
    t->sink = to;
    return SW_OK;
}

static bool has_contents(char type)
{
    return type != '1' && type != '2' && type != '3' && type != '4' && type != '5' && type != '6';
}

static sw_status read_header(tar *t)
{
    char path[SW_ROOTFS_PATH_MAX];
    uint64_t size;
    char type = (char)t->block[TYPE.offset];
    if (is_empty(t->block)) {
        t->is_over = true;
        return SW_OK;
    }
    if (t->is_over || !checksum_fits(t->block) ||
        !parse_number(t->block + SIZE.offset, SIZE.len, &size)) {
        return fail(t, "it is no tar archive, or a damaged one");
    }
    if (++t->entries > ENTRIES_MAX) {
        return sw_fail(t->diag, SW_LIMIT, SW_NO_OFFSET, "image layer: too many files");
    }
    t->data_left = t->has_size && type != 'x' && type != 'g' ? t->size : size;
    t->data_left = has_contents(type) ? t->data_left : 0;
    t->padding_left = (size_t)(-t->data_left % BLOCK_BYTES);
    if (type == 'x' || type == 'L') {
        return begin_extension(t, type == 'x' ? SINK_PAX : SINK_LONG_NAME);
    }
    if (type == 'g' || type == 'K') {
        t->sink = SINK_SKIP;
        return SW_OK;
    }
    SW_TRY(entry_path(t, path));
    SW_TRY(begin_entry(t, path, type));
    t->path.len = 0;
    t->has_size = false;
    t->is_sparse = false;
    return SW_OK;
}

/* One "LEN KEY=VALUE\n"; returns LEN, 0 when it is malformed. */
static size_t read_pax_record(tar *t, sw_str s)
{
    uint64_t len = 0, size = 0;
    size_t i = 0;
    for (; i < s.len && i < 8 && s.ptr[i] >= '0' && s.ptr[i] <= '9'; i++) {
        len = 10 * len + (uint64_t)(s.ptr[i] - '0');
    }
    if (i == s.len || s.ptr[i] != ' ' || len <= i + 1 || len > s.len || s.ptr[len - 1] != '\n') {
        return 0;
    }
    sw_str record = sw_str_slice(s, i + 1, (size_t)len - i - 2);
    size_t equals = sw_str_find(record, '=');
    if (equals == record.len) {
        return 0;
    }
    sw_str key = sw_str_slice(record, 0, equals);
    sw_str value = sw_str_slice(record, equals + 1, record.len - equals - 1);
    if (sw_str_eq(key, SW_STR("path"))) {
        t->path.len = 0;
        sw_buf_str(&t->path, value);
    } else if (sw_str_eq(key, SW_STR("size"))) {
        for (size_t k = 0; k < value.len; k++) {
            if (value.ptr[k] < '0' || value.ptr[k] > '9' || ckd_mul(&size, size, 10u) ||
                ckd_add(&size, size, (uint64_t)(value.ptr[k] - '0'))) {
                return 0;
            }
        }
        t->size = size;
        t->has_size = true;
    } else if (sw_str_starts(key, SW_STR("GNU.sparse."))) {
        t->is_sparse = true;
    }
    return (size_t)len;
}

static sw_status end_extension(tar *t)
{
    sw_str s = {(const char *)t->extension.ptr, t->extension.len};
    if (t->sink == SINK_LONG_NAME) {
        t->path.len = 0;
        sw_buf_str(&t->path, sw_str_slice(s, 0, sw_str_find(s, '\0')));
        return sw_buf_status(&t->path);
    }
    while (s.len != 0) {
        size_t used = read_pax_record(t, s);
        if (used == 0) {
            return fail(t, "an extended header is malformed");
        }
        s = sw_str_slice(s, used, s.len - used);
    }
    return sw_buf_status(&t->path);
}

/* ---- The stream ------------------------------------------------------------------------------ */

static sw_status take_data(tar *t, sw_bytes *bytes)
{
    size_t n = (size_t)SW_MIN((uint64_t)bytes->len, t->data_left);
    sw_buf *to = t->sink == SINK_PROGRAM ? &t->fs->program
                 : t->sink == SINK_SKIP  ? NULL
                                         : &t->extension;
    if (to != NULL) {
        sw_buf_write(to, bytes->ptr, n);
        SW_TRY(sw_buf_status(to));
    }
    *bytes = sw_bytes_slice(*bytes, n, bytes->len - n);
    t->data_left -= n;
    bool is_extension = t->sink == SINK_PAX || t->sink == SINK_LONG_NAME;
    return t->data_left == 0 && is_extension ? end_extension(t) : SW_OK;
}

static sw_status take_block(tar *t, sw_bytes *bytes)
{
    size_t n = SW_MIN(bytes->len, BLOCK_BYTES - t->block_used);
    memcpy(t->block + t->block_used, bytes->ptr, n);
    *bytes = sw_bytes_slice(*bytes, n, bytes->len - n);
    t->block_used += n;
    if (t->block_used < BLOCK_BYTES) {
        return SW_OK;
    }
    t->block_used = 0;
    return read_header(t);
}

static sw_status take(void *env, sw_bytes bytes)
{
    tar *t = env;
    while (bytes.len != 0) {
        if (t->data_left != 0) {
            SW_TRY(take_data(t, &bytes));
        } else if (t->padding_left != 0) {
            size_t n = SW_MIN(t->padding_left, bytes.len);
            bytes = sw_bytes_slice(bytes, n, bytes.len - n);
            t->padding_left -= n;
        } else {
            SW_TRY(take_block(t, &bytes));
        }
    }
    return SW_OK;
}

void sw_rootfs_init(sw_rootfs *r, sw_str entry)
{
    *r = (sw_rootfs){};
    sw_buf_init(&r->program, NULL, PROGRAM_MAX_BYTES);
    if (!normalize(entry, true, r->wanted)) {
        (void)snprintf(r->wanted, sizeof r->wanted, "..");
    }
}

void sw_rootfs_clear(sw_rootfs *r)
{
    sw_buf_clear(&r->program);
}

sw_status sw_rootfs_layer(sw_rootfs *r, sw_bytes layer, sw_diag *diag)
{
    tar t = {.fs = r, .diag = diag};
    r->layer++;
    sw_buf_init(&t.extension, NULL, EXTENSION_MAX_BYTES);
    sw_buf_init(&t.path, NULL, EXTENSION_MAX_BYTES);
    sw_status st = sw_unpack(layer, take, &t, diag);
    if (st == SW_OK && (t.data_left != 0 || t.padding_left != 0 || t.block_used != 0)) {
        st = fail(&t, "it ends in the middle of a file");
    }
    sw_buf_clear(&t.extension);
    sw_buf_clear(&t.path);
    return st;
}

sw_status sw_rootfs_finish(sw_rootfs *r, sw_diag *diag, sw_bytes *ret_program)
{
    if (r->found[0] == '\0') {
        return sw_fail(diag, SW_NOT_FOUND, SW_NO_OFFSET, "the image has no file '%s'",
                       r->wanted[0] != '\0' ? r->wanted : "*.wasm");
    }
    if (r->is_link) {
        return sw_fail(diag, SW_INVALID, SW_NO_OFFSET, "the image's program '%s' is a link",
                       r->found);
    }
    if (r->is_ambiguous) {
        return sw_fail(diag, SW_UNSUPPORTED, SW_NO_OFFSET,
                       "the image has no entry point, and several .wasm files");
    }
    *ret_program = sw_buf_bytes(&r->program);
    return SW_OK;
}
