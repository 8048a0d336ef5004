#include "registry/unpack.h"

#include "base/memory.h"

#include <zlib.h>
#include <zstd.h>

enum { CHUNK_BYTES = 1 << 16, RATIO_MAX = 200, WINDOW_LOG_MAX = 27, GZIP_WINDOW = 15 + 16 };

#define FREE_BYTES  (UINT64_C(64) << 20)
#define TOTAL_BYTES (UINT64_C(4) << 30)

typedef struct unpacking {
    sw_bytes packed;
    sw_unpack_fn *fn;
    void *env;
    sw_diag *diag;
    uint64_t left_bytes; /* that may still come out */
    uint8_t *chunk;
} unpacking;

static sw_status give(unpacking *u, size_t len)
{
    if (len > u->left_bytes) {
        return sw_fail(u->diag, SW_LIMIT, SW_NO_OFFSET,
                       "image layer: it unpacks to far more than it is worth");
    }
    u->left_bytes -= len;
    return u->fn(u->env, (sw_bytes){u->chunk, len});
}

static sw_status damaged(const unpacking *u, const char *format)
{
    return sw_fail(u->diag, SW_MALFORMED, SW_NO_OFFSET, "image layer: damaged or truncated %s",
                   format);
}

/* A file may have several members, one after the other. */
static sw_status inflate_all(unpacking *u, z_stream *z)
{
    size_t left = u->packed.len;
    z->next_in = (Bytef *)(uintptr_t)u->packed.ptr;
    for (;;) {
        if (z->avail_in == 0) {
            z->avail_in = (uInt)SW_MIN(left, (size_t)1 << 30);
            left -= z->avail_in;
        }
        z->next_out = u->chunk;
        z->avail_out = CHUNK_BYTES;
        int result = inflate(z, Z_NO_FLUSH);
        if (result != Z_OK && result != Z_STREAM_END) {
            return damaged(u, "gzip");
        }
        SW_TRY(give(u, CHUNK_BYTES - z->avail_out));
        if (result == Z_STREAM_END) {
            if (z->avail_in == 0 && left == 0) {
                return SW_OK;
            }
            if (inflateReset(z) != Z_OK) {
                return damaged(u, "gzip");
            }
        }
    }
}

static sw_status unpack_gzip(unpacking *u)
{
    z_stream z = {};
    if (inflateInit2(&z, GZIP_WINDOW) != Z_OK) {
        return SW_NO_MEMORY;
    }
    sw_status st = inflate_all(u, &z);
    (void)inflateEnd(&z);
    return st;
}

static sw_status decompress_all(unpacking *u, ZSTD_DStream *z)
{
    ZSTD_inBuffer in = {u->packed.ptr, u->packed.len, 0};
    for (;;) {
        ZSTD_outBuffer out = {u->chunk, CHUNK_BYTES, 0};
        size_t more = ZSTD_decompressStream(z, &out, &in);
        if (ZSTD_isError(more)) {
            return damaged(u, "zstd");
        }
        SW_TRY(give(u, out.pos));
        if (in.pos == in.size && out.pos < out.size) {
            return more == 0 ? SW_OK : damaged(u, "zstd");
        }
    }
}

static sw_status unpack_zstd(unpacking *u)
{
    ZSTD_DStream *z = ZSTD_createDStream();
    if (z == NULL || ZSTD_isError(ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax, WINDOW_LOG_MAX))) {
        (void)ZSTD_freeDStream(z);
        return SW_NO_MEMORY;
    }
    sw_status st = decompress_all(u, z);
    (void)ZSTD_freeDStream(z);
    return st;
}

sw_status sw_unpack(sw_bytes packed, sw_unpack_fn *fn, void *env, sw_diag *diag)
{
    static const uint8_t GZIP[] = {0x1f, 0x8b}, ZSTD[] = {0x28, 0xb5, 0x2f, 0xfd};
    unpacking u = {packed, fn, env, diag, 0, NULL};
    u.left_bytes = SW_MIN(SW_MAX(FREE_BYTES, (uint64_t)packed.len * RATIO_MAX), TOTAL_BYTES);
    bool is_gzip = packed.len >= sizeof GZIP && memcmp(packed.ptr, GZIP, sizeof GZIP) == 0;
    bool is_zstd = packed.len >= sizeof ZSTD && memcmp(packed.ptr, ZSTD, sizeof ZSTD) == 0;
    if (!is_gzip && !is_zstd) {
        return fn(env, packed);
    }
    u.chunk = sw_alloc(NULL, CHUNK_BYTES);
    if (u.chunk == NULL) {
        return SW_NO_MEMORY;
    }
    sw_status st = is_gzip ? unpack_gzip(&u) : unpack_zstd(&u);
    sw_free(NULL, u.chunk, CHUNK_BYTES);
    return st;
}
