#include "code/image_file.h"

#include "base/checksum.h"
#include "os/cpu.h"
#include "os/file.h"

bool sw_image_file_is(sw_bytes bytes)
{
    return bytes.len >= sizeof(sw_image_file_header) &&
           memcmp(bytes.ptr, SW_IMAGE_FILE_MAGIC, 8) == 0;
}

static size_t header_bytes(uint32_t parts_count)
{
    return sizeof(sw_image_file_header) + (size_t)parts_count * sizeof(sw_image_part);
}

/* Of the header with no checksum in it and of everything after it. */
static uint64_t checksum_of(sw_bytes file)
{
    sw_image_file_header header;
    memcpy(&header, file.ptr, sizeof(header));
    header.checksum = 0;
    uint64_t own = sw_checksum((sw_bytes){(const uint8_t *)&header, sizeof(header)});
    uint64_t rest = sw_checksum(sw_bytes_slice(file, sizeof(header), file.len - sizeof(header)));
    return own * 0x9e3779b97f4a7c15u + rest;
}

/* ---- Writing --------------------------------------------------------------------------------- */

void sw_image_file_begin(sw_image_file_writer *w, sw_buf *out, sw_file_kind kind,
                         uint32_t parts_count)
{
    assert(out->len == 0);
    *w = (sw_image_file_writer){.out = out, .kind = kind, .parts_count = parts_count};
    size_t bytes = header_bytes(parts_count);
    uint8_t *header = sw_buf_reserve(out, bytes);
    if (header != NULL) {
        memset(header, 0, bytes);
        out->len = bytes;
    }
}

static sw_image_part *get_part(const sw_image_file_writer *w, uint32_t i)
{
    return &((sw_image_file_header *)(void *)w->out->ptr)->parts[i];
}

static void end_part(sw_image_file_writer *w)
{
    if (w->parts_begun != 0 && sw_buf_status(w->out) == SW_OK) {
        sw_image_part *last = get_part(w, w->parts_begun - 1);
        last->size_bytes = w->out->len - last->offset;
    }
    sw_buf_align(w->out, SW_IMAGE_PAGE_BYTES);
}

void sw_image_file_part(sw_image_file_writer *w, sw_part_kind kind)
{
    assert(w->parts_begun < w->parts_count);
    end_part(w);
    if (sw_buf_status(w->out) == SW_OK) {
        *get_part(w, w->parts_begun) = (sw_image_part){.offset = w->out->len, .kind = kind};
    }
    w->parts_begun++;
}

sw_status sw_image_file_end(sw_image_file_writer *w, sw_diag *diag)
{
    assert(w->parts_begun == w->parts_count);
    end_part(w);
    if (sw_buf_status(w->out) != SW_OK) {
        return sw_fail(diag, sw_buf_status(w->out), SW_NO_OFFSET, "compiled file");
    }
    sw_image_file_header *h = (sw_image_file_header *)(void *)w->out->ptr;
    memcpy(h->magic, SW_IMAGE_FILE_MAGIC, sizeof(h->magic));
    h->format = SW_IMAGE_FILE_FORMAT;
    h->kind = w->kind;
    memcpy(h->build_hash, SW_BUILD_HASH, SW_BUILD_HASH_BYTES);
    h->size_bytes = w->out->len;
    h->parts_count = w->parts_count;
    for (uint32_t i = 0; i < w->parts_count; i++) {
        if (h->parts[i].kind == SW_PART_MODULE) {
            const void *image = w->out->ptr + h->parts[i].offset;
            h->cpu_features |= ((const sw_image_header *)image)->cpu_features;
        }
    }
    h->checksum = checksum_of(sw_buf_bytes(w->out));
    return SW_OK;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static bool parts_fit(const sw_image_file_header *h)
{
    if (h->size_bytes < header_bytes(h->parts_count)) {
        return false;
    }
    for (uint32_t i = 0; i < h->parts_count; i++) {
        const sw_image_part *p = &h->parts[i];
        if (p->offset % SW_IMAGE_PAGE_BYTES != 0 || p->offset > h->size_bytes ||
            p->size_bytes > h->size_bytes - p->offset) {
            return false;
        }
    }
    return true;
}

static sw_status check(sw_bytes bytes, sw_diag *diag)
{
    const void *start = bytes.ptr;
    const sw_image_file_header *h = start;
    if (!sw_image_file_is(bytes)) {
        return sw_fail(diag, SW_MALFORMED, 0, "not a compiled file");
    }
    if (h->format != SW_IMAGE_FILE_FORMAT ||
        memcmp(h->build_hash, SW_BUILD_HASH, SW_BUILD_HASH_BYTES) != 0) {
        return sw_fail(diag, SW_STALE, SW_NO_OFFSET, "compiled by another build of swell");
    }
    SW_TRY(sw_image_check_cpu(h->cpu_features, sw_cpu_features(), diag));
    if (h->size_bytes != bytes.len || !parts_fit(h)) {
        return sw_fail(diag, SW_MALFORMED, SW_NO_OFFSET, "compiled file is damaged");
    }
    return SW_OK;
}

sw_status sw_image_file_view(sw_bytes bytes, sw_diag *diag, sw_image_file *ret_file)
{
    SW_TRY(check(bytes, diag));
    const void *start = bytes.ptr;
    *ret_file = (sw_image_file){.header = start, .bytes = bytes, .fd = -1};
    return SW_OK;
}

static sw_status verify_sum(const sw_image_file *f, sw_diag *diag)
{
    return checksum_of(f->bytes) == f->header->checksum
               ? SW_OK
               : sw_fail(diag, SW_MALFORMED, SW_NO_OFFSET, "compiled file is damaged");
}

sw_status sw_image_file_open(int fd, uint64_t size_bytes, bool verify, sw_diag *diag,
                             sw_image_file *ret_file)
{
    SW_AUTO(sw_vm_release) sw_vm map = {};
    if (size_bytes < sizeof(sw_image_file_header)) {
        return sw_fail(diag, SW_MALFORMED, 0, "not a compiled file");
    }
    sw_status st = sw_vm_reserve(&map, size_bytes);
    if (st == SW_OK) {
        st = sw_vm_map_file(&map, 0, map.size_bytes, fd, 0, SW_VM_READ);
    }
    if (st != SW_OK) {
        return sw_fail(diag, st, SW_NO_OFFSET, "cannot map the compiled file");
    }
    sw_image_file f;
    SW_TRY(sw_image_file_view((sw_bytes){map.base, (size_t)size_bytes}, diag, &f));
    if (verify) {
        SW_TRY(verify_sum(&f, diag));
    }
    f.fd = fd;
    f.map = map;
    map = (sw_vm){};
    *ret_file = f;
    return SW_OK;
}

void sw_image_file_close(sw_image_file *f)
{
    sw_vm_release(&f->map);
    sw_fd_close(f->fd);
    *f = (sw_image_file){.fd = -1};
}
