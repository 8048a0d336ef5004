/* Types: reading them and putting them into words. */
#include "wasm/types.h"

#include "wasm/types_read.h"

#include <stdio.h>

typedef struct abstract_heap {
    uint8_t code;
    const char *name;      /* "(ref null func)" */
    const char *shorthand; /* "funcref" */
} abstract_heap;

static const abstract_heap HEAPS[] = {
    {0x74, "noexn",    "nullexnref"   },
    {0x73, "nofunc",   "nullfuncref"  },
    {0x72, "noextern", "nullexternref"},
    {0x71, "none",     "nullref"      },
    {0x70, "func",     "funcref"      },
    {0x6f, "extern",   "externref"    },
    {0x6e, "any",      "anyref"       },
    {0x6d, "eq",       "eqref"        },
    {0x6c, "i31",      "i31ref"       },
    {0x6b, "struct",   "structref"    },
    {0x6a, "array",    "arrayref"     },
    {0x69, "exn",      "exnref"       },
};

static const abstract_heap *find_heap(uint32_t code)
{
    for (size_t i = 0; i < SW_COUNTOF(HEAPS); i++) {
        if (HEAPS[i].code == code) {
            return &HEAPS[i];
        }
    }
    return NULL;
}

uint32_t sw_heaptype_read(sw_reader *r)
{
    uint32_t at = sw_reader_offset(r);
    int64_t n = sw_reader_leb_s33(r);
    if (n >= 0) {
        /* Larger ones than any module has types stay so. */
        return (uint32_t)SW_MIN(n, (int64_t)SW_HEAP_ABSTRACT - 1);
    }
    if (n < -64 || find_heap((uint32_t)n & 0x7f) == NULL) {
        (void)sw_reader_fail_at(r, SW_MALFORMED, at, "malformed heap type");
        return 0;
    }
    return sw_heaptype_from_s33(n);
}

/* The type whose first byte is already read. */
static sw_valtype type_after(sw_reader *r, uint8_t byte, uint32_t at)
{
    if (byte >= SW_TYPE_V128 && byte <= SW_TYPE_I32) {
        return byte;
    }
    if (byte == SW_TYPE_REF || byte == SW_TYPE_REF_NULL) {
        uint32_t heap = sw_heaptype_read(r);
        return sw_valtype_ref(heap, byte == SW_TYPE_REF_NULL);
    }
    if (find_heap(byte) != NULL) {
        return sw_valtype_ref(SW_HEAP_ABSTRACT | byte, true);
    }
    (void)sw_reader_fail_at(r, SW_MALFORMED, at, "malformed value type 0x%02x", byte);
    return SW_TYPE_I32;
}

sw_valtype sw_valtype_read(sw_reader *r)
{
    uint32_t at = sw_reader_offset(r);
    return type_after(r, sw_reader_u8(r), at);
}

sw_valtype sw_reftype_read(sw_reader *r)
{
    uint32_t at = sw_reader_offset(r);
    sw_valtype t = type_after(r, sw_reader_u8(r), at);
    if (!sw_valtype_is_ref(t)) {
        (void)sw_reader_fail_at(r, SW_MALFORMED, at, "malformed reference type");
        return SW_TYPE_FUNCREF;
    }
    return t;
}

sw_blocktype sw_blocktype_read(sw_reader *r)
{
    uint32_t at = sw_reader_offset(r);
    uint8_t byte = sw_reader_peek_u8(r);
    if (byte == 0x40) {
        (void)sw_reader_u8(r);
        return (sw_blocktype){SW_NO_INDEX, SW_TYPE_BOTTOM};
    }
    if ((byte & 0xc0) == 0x40) {
        return (sw_blocktype){SW_NO_INDEX, sw_valtype_read(r)};
    }
    int64_t n = sw_reader_leb_s33(r);
    if (n < 0) {
        (void)sw_reader_fail_at(r, SW_MALFORMED, at, "malformed block type");
        n = 0;
    }
    return (sw_blocktype){(uint32_t)SW_MIN(n, (int64_t)UINT32_MAX - 1), SW_TYPE_BOTTOM};
}

static const char *number_text(uint8_t kind)
{
    switch (kind) {
    case SW_TYPE_I32: return "i32";
    case SW_TYPE_I64: return "i64";
    case SW_TYPE_F32: return "f32";
    case SW_TYPE_F64: return "f64";
    case SW_TYPE_V128: return "v128";
    default: return "any type";
    }
}

const char *sw_valtype_text(sw_valtype t, char *out, size_t size)
{
    uint32_t heap = sw_valtype_heap(t);
    bool nullable = sw_valtype_kind(t) == SW_TYPE_REF_NULL;
    const abstract_heap *h = sw_heap_is_index(heap) ? NULL : find_heap(heap & 0xff);
    if (!sw_valtype_is_ref(t)) {
        (void)snprintf(out, size, "%s", number_text(sw_valtype_kind(t)));
    } else if (h != NULL && nullable) {
        (void)snprintf(out, size, "%s", h->shorthand);
    } else if (h != NULL) {
        (void)snprintf(out, size, "(ref %s)", h->name);
    } else {
        (void)snprintf(out, size, "(ref %s%u)", nullable ? "null " : "", heap);
    }
    return out;
}
