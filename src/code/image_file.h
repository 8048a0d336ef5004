/*
 * The file that compiled programs live in: `.swell` files and entries of the compile cache.
 *
 *     header | parts table | part 0 | part 1 ...        each part begins on a page
 *
 * A core module is one part (its image); a component is its plan and one image per module. The
 * file carries the build hash and the processor features of its code, so that a stale file is
 * known by its first page, and a checksum, which is looked at only where damage must be found out
 * (the cache).
 *
 * Writing goes straight into the buffer that will be the file:
 *
 *     sw_image_file_begin(&w, &buf, SW_FILE_COMPONENT, parts_count);
 *     sw_image_file_part(&w, SW_PART_MODULE);  sw_module_compile(..., &buf, ...);
 *     ...
 *     SW_TRY(sw_image_file_end(&w, diag));
 */
#pragma once

#include "base/buf.h"
#include "code/image.h"
#include "os/vm.h"

#define SW_IMAGE_FILE_MAGIC  "\0swell\r\n"
#define SW_IMAGE_FILE_FORMAT 1u

typedef enum sw_file_kind { SW_FILE_MODULE = 1, SW_FILE_COMPONENT = 2 } sw_file_kind;

typedef enum sw_part_kind {
    SW_PART_PLAN = 1,   /* of a component */
    SW_PART_MODULE = 2, /* an image */
} sw_part_kind;

typedef struct sw_image_part {
    uint64_t offset; /* in the file, a multiple of the page */
    uint64_t size_bytes;
    uint32_t kind; /* sw_part_kind */
    uint32_t reserved;
} sw_image_part;

typedef struct sw_image_file_header {
    uint8_t magic[8];
    uint32_t format;
    uint32_t kind; /* sw_file_kind */
    uint8_t build_hash[SW_BUILD_HASH_BYTES];
    uint64_t size_bytes;
    uint64_t checksum; /* of the whole file without this field */
    uint32_t parts_count;
    uint32_t cpu_features;
    sw_image_part parts[];
} sw_image_file_header;

/* True for the first bytes of such a file, of whatever build. */
bool sw_image_file_is(sw_bytes bytes);

/* ---- Writing --------------------------------------------------------------------------------- */

typedef struct sw_image_file_writer {
    sw_buf *out; /* borrowed; empty at the beginning */
    uint32_t kind, parts_count;
    uint32_t parts_begun;
} sw_image_file_writer;

void sw_image_file_begin(sw_image_file_writer *w, sw_buf *out, sw_file_kind kind,
                         uint32_t parts_count);

/* What is appended to the buffer from now on is the next part. */
void sw_image_file_part(sw_image_file_writer *w, sw_part_kind kind);

/* Completes the header. All parts must have been begun. */
SW_NODISCARD sw_status sw_image_file_end(sw_image_file_writer *w, sw_diag *diag);

/* ---- Reading --------------------------------------------------------------------------------- */

/* An open file or a buffer with the same contents. */
typedef struct sw_image_file {
    const sw_image_file_header *header; /* in bytes */
    sw_bytes bytes;                     /* the whole file */
    sw_vm map;                          /* owned; empty for a buffer */
    int fd;                             /* owned; -1 for a buffer */
} sw_image_file;

/*
 * Maps the file and checks that it is for this build and processor (SW_STALE) and, if asked, that
 * it is whole (SW_MALFORMED). Takes over fd when it succeeds. The caller trusts the file, and
 * nobody may shorten it while it is open.
 */
SW_NODISCARD sw_status sw_image_file_open(int fd, uint64_t size_bytes, bool verify, sw_diag *diag,
                                          sw_image_file *ret_file);

/* The same for bytes in memory, which stay borrowed; no checksum. */
SW_NODISCARD sw_status sw_image_file_view(sw_bytes bytes, sw_diag *diag, sw_image_file *ret_file);

void sw_image_file_close(sw_image_file *f);

static inline sw_bytes sw_image_file_get(const sw_image_file *f, uint32_t part)
{
    const sw_image_part *p = &f->header->parts[part];
    return sw_bytes_slice(f->bytes, (size_t)p->offset, (size_t)p->size_bytes);
}
