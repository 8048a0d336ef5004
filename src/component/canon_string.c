/*
 * Strings in guests: opening one for reading, and storing one by the exact sequence of reallocs
 * that the standard prescribes (a guest can watch it). What has to be known before a step is
 * measured first, so that every step knows the bytes it will write.
 */
#include "component/canon_run.h"

#define TAG 0x80000000u

/* ---- Reading -----------------------------------------------------------------------------------
 */

static sw_trap open_failed(sw_canon_call *c, bool is_aligned)
{
    const char *why = !is_aligned     ? "unaligned pointer"
                      : c->to == NULL ? "string pointer/length out of bounds of memory"
                                      : "string content out-of-bounds";
    return sw_canon_trap(c->store, SW_TRAP_CANONICAL_ABI, "%s", why);
}

sw_trap sw_canon_open_string(sw_canon_call *c, uint32_t address, uint32_t tagged_units,
                             sw_canon_string *ret_string)
{
    uint32_t encoding = c->from->encoding;
    sw_canon_string s = {.address = address, .units = tagged_units};
    if (encoding == SW_ENCODING_LATIN1_UTF16) {
        s.is_tagged = true;
        s.form = (tagged_units & TAG) != 0 ? SW_TEXT_UTF16 : SW_TEXT_LATIN1;
        s.units = tagged_units & ~TAG;
    } else {
        s.form = encoding == SW_ENCODING_UTF16 ? SW_TEXT_UTF16 : SW_TEXT_UTF8;
    }
    uint64_t bytes = (uint64_t)s.units * sw_text_unit_bytes(s.form);
    if (bytes > SW_CANON_MAX_STRING_BYTES) {
        return open_failed(c, true);
    }
    if (encoding != SW_ENCODING_UTF8 && (address & 1) != 0) {
        return open_failed(c, false);
    }
    uint8_t *start;
    if (!sw_memory_slice(c->from->memory, address, bytes, &start)) {
        return open_failed(c, true);
    }
    *ret_string = s;
    return sw_canon_spend(c, bytes + 1);
}

sw_bytes sw_canon_string_bytes(const sw_canon_call *c, const sw_canon_string *s)
{
    if (c->from == NULL) {
        return sw_str_bytes(s->host);
    }
    return (sw_bytes){c->from->memory->base + s->address,
                      (size_t)s->units * sw_text_unit_bytes(s->form)};
}

sw_trap sw_canon_bad_text(sw_canon_call *c, const sw_canon_string *s)
{
    if (c->from == NULL) {
        return sw_canon_trap(c->store, SW_TRAP_HOST, "the host gave a string that is not UTF-8");
    }
    if (s->form == SW_TEXT_UTF16) {
        return sw_canon_trap(c->store, SW_TRAP_CANONICAL_ABI, "unpaired surrogate in utf-16");
    }
    /* Cut short at the end, or wrong in itself? Up to three bytes decide. */
    sw_bytes b = sw_canon_string_bytes(c, s);
    size_t whole = b.len;
    while (whole > 0 && b.len - whole < 3 && (b.ptr[whole - 1] & 0xc0) == 0x80) {
        whole--;
    }
    bool cut = whole > 0 && b.ptr[whole - 1] >= 0xc2 && b.ptr[whole - 1] < 0xf5 &&
               sw_text_valid(SW_TEXT_UTF8, (sw_bytes){b.ptr, whole - 1});
    return sw_canon_trap(c->store, SW_TRAP_CANONICAL_ABI,
                         cut ? "incomplete utf-8 byte sequence" : "invalid utf-8 sequence");
}

/* ---- Storing -----------------------------------------------------------------------------------
 */

/* One string on its way. */
typedef struct storing {
    sw_canon_call *c;
    const sw_canon_string *s;
    sw_text_measure m;
    uint32_t address, bytes; /* what is allocated now */
} storing;

static sw_trap allocate(storing *st, uint32_t align, uint32_t bytes)
{
    sw_trap trap =
        sw_canon_allocate(st->c, SW_CANON_STRING_CONTENT,
                          (const uint32_t[2]){st->address, st->bytes}, align, bytes, &st->address);
    st->bytes = bytes;
    return trap;
}

/* Writes code units [from, from + units) of the source, at byte `at` of the target. */
static sw_trap write_part(storing *st, uint32_t from, uint32_t units, sw_text_form to, uint32_t at)
{
    uint32_t unit = sw_text_unit_bytes(st->s->form);
    sw_bytes all = sw_canon_string_bytes(st->c, st->s);
    sw_bytes part = {all.ptr + (size_t)from * unit, (size_t)units * unit};
    uint8_t *dst = st->c->to->memory->base + st->address + at;
    if (st->s->form == to && part.len <= st->bytes - at) {
        memmove(dst, part.ptr, part.len);
        return SW_TRAP_NONE;
    }
    if (sw_text_convert(st->s->form, part, to, dst, st->bytes - at) == SIZE_MAX) {
        return sw_canon_bad_text(st->c, st->s);
    }
    return SW_TRAP_NONE;
}

/* To the same form, or from Latin-1 to UTF-16: the size is known. */
static sw_trap store_copy(storing *st, sw_text_form to, uint32_t align)
{
    sw_trap trap = allocate(st, align, st->s->units * sw_text_unit_bytes(to));
    return trap != SW_TRAP_NONE ? trap : write_part(st, 0, st->s->units, to, 0);
}

static sw_trap store_to_utf8(storing *st, uint32_t worst)
{
    uint32_t units = st->s->units, ascii = st->m.ascii_units;
    sw_trap trap = allocate(st, 1, units);
    trap = trap != SW_TRAP_NONE ? trap : write_part(st, 0, ascii, SW_TEXT_UTF8, 0);
    if (trap != SW_TRAP_NONE || ascii == units) {
        return trap;
    }
    trap = allocate(st, 1, worst);
    trap = trap != SW_TRAP_NONE ? trap : write_part(st, ascii, units - ascii, SW_TEXT_UTF8, ascii);
    if (trap != SW_TRAP_NONE || worst == st->m.utf8_bytes) {
        return trap;
    }
    return allocate(st, 1, st->m.utf8_bytes);
}

static sw_trap store_utf8_to_utf16(storing *st)
{
    uint32_t bytes = 2 * st->m.utf16_units;
    sw_trap trap = allocate(st, 2, 2 * st->s->units);
    trap = trap != SW_TRAP_NONE ? trap : write_part(st, 0, st->s->units, SW_TEXT_UTF16, 0);
    return trap != SW_TRAP_NONE || bytes == st->bytes ? trap : allocate(st, 2, bytes);
}

/* Spreads the Latin-1 bytes at the target's start to two bytes each, in place. */
static void inflate(storing *st, uint32_t chars)
{
    uint8_t *p = st->c->to->memory->base + st->address;
    for (size_t i = chars; i-- > 0;) {
        p[2 * i] = p[i];
        p[2 * i + 1] = 0;
    }
}

static sw_trap store_to_latin1_or_utf16(storing *st, uint32_t *ret_units)
{
    uint32_t units = st->s->units, done = st->m.latin1_units, chars = st->m.latin1_chars;
    sw_trap trap = allocate(st, 2, units);
    trap = trap != SW_TRAP_NONE ? trap : write_part(st, 0, done, SW_TEXT_LATIN1, 0);
    if (trap != SW_TRAP_NONE) {
        return trap;
    }
    if (done == units) {
        *ret_units = chars;
        return chars == units ? SW_TRAP_NONE : allocate(st, 2, chars);
    }
    trap = allocate(st, 2, 2 * units);
    if (trap != SW_TRAP_NONE) {
        return trap;
    }
    inflate(st, chars);
    trap = write_part(st, done, units - done, SW_TEXT_UTF16, 2 * chars);
    *ret_units = st->m.utf16_units | TAG;
    uint32_t bytes = 2 * st->m.utf16_units;
    return trap != SW_TRAP_NONE || bytes == st->bytes ? trap : allocate(st, 2, bytes);
}

static sw_trap store_probably_utf16(storing *st, uint32_t *ret_units)
{
    uint32_t units = st->s->units;
    sw_trap trap = store_copy(st, SW_TEXT_UTF16, 2);
    if (trap != SW_TRAP_NONE || st->m.latin1_units != units) {
        *ret_units = units | TAG;
        return trap;
    }
    uint8_t *p = st->c->to->memory->base + st->address;
    for (size_t i = 0; i < units; i++) {
        p[i] = p[2 * i];
    }
    return allocate(st, 1, units);
}

static sw_trap store_as_utf8(storing *st, uint32_t *ret_units)
{
    if (st->s->form == SW_TEXT_UTF8) {
        return store_copy(st, SW_TEXT_UTF8, 1);
    }
    *ret_units = st->m.utf8_bytes;
    return store_to_utf8(st, st->s->units * (st->s->form == SW_TEXT_UTF16 ? 3 : 2));
}

static sw_trap store_as_utf16(storing *st, uint32_t *ret_units)
{
    *ret_units = st->m.utf16_units;
    return st->s->form == SW_TEXT_UTF8 ? store_utf8_to_utf16(st) : store_copy(st, SW_TEXT_UTF16, 2);
}

static sw_trap store_as_latin1_or_utf16(storing *st, uint32_t *ret_units)
{
    if (!st->s->is_tagged) {
        return store_to_latin1_or_utf16(st, ret_units);
    }
    return st->s->form == SW_TEXT_LATIN1 ? store_copy(st, SW_TEXT_LATIN1, 2)
                                         : store_probably_utf16(st, ret_units);
}

sw_trap sw_canon_store_string(sw_canon_call *c, const sw_canon_string *s, uint32_t *ret_address,
                              uint32_t *ret_units)
{
    storing st = {.c = c, .s = s};
    bool is_same = s->form == SW_TEXT_UTF8 && c->to->encoding == SW_ENCODING_UTF8;
    sw_bytes src = sw_canon_string_bytes(c, s);
    if (is_same ? !sw_text_valid(s->form, src) : !sw_text_measure_bytes(s->form, src, &st.m)) {
        return sw_canon_bad_text(c, s);
    }
    uint32_t units = s->units;
    sw_trap trap = c->to->encoding == SW_ENCODING_UTF8    ? store_as_utf8(&st, &units)
                   : c->to->encoding == SW_ENCODING_UTF16 ? store_as_utf16(&st, &units)
                                                          : store_as_latin1_or_utf16(&st, &units);
    *ret_address = st.address;
    *ret_units = units;
    return trap;
}
