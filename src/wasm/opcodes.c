/* The opcode table as data, and the checked reading of instructions. */
#include "wasm/opcodes.h"

#include "wasm/types_read.h"

#define SLOT(code) ((code) < 256 ? (code) : 256 + ((code) & 31))

/* The columns of a signature, by name. */
enum {
#define X(name, text, operands, result, first, second)                           \
    COUNT_##name = (operands), RESULT_##name = (result), FIRST_##name = (first), \
    SECOND_##name = (second),
    SW_SIG_MAP(X)
#undef X
};

#define X(name, text, operands, result, first, second) static const char TEXT_##name[] = text;
SW_SIG_MAP(X)
#undef X

const sw_opcode_info sw_opcode_infos[SW_OPCODE_SLOTS] = {
#define OP(op_code, op_name, text, imm, sig, bytes) \
    [SLOT(op_code)] = {                             \
        .name = (text),                             \
        .signature = TEXT_##sig,                    \
        .immediate = SW_IMM_##imm,                  \
        .signature_id = SW_SIG_##sig,               \
        .width = (bytes),                           \
        .operands_count = COUNT_##sig,              \
        .operands = {FIRST_##sig, SECOND_##sig},    \
        .result = RESULT_##sig \
    },
#include "wasm/opcodes.def"
#undef OP
};

const sw_opcode_info *sw_opcode_info_find(uint32_t code)
{
    const sw_opcode_info *info = sw_opcode_info_get(code);
    return info->name == NULL ? NULL : info;
}

typedef struct feature_range {
    uint32_t first, last;
    const char *name;
} feature_range;

static const feature_range FEATURES[] = {
    {0x06, 0x07, "legacy exceptions"},
    {0x08, 0x08, "exceptions"},
    {0x09, 0x09, "legacy exceptions"},
    {0x0a, 0x0a, "exceptions"},
    {0x12, 0x13, "tail calls"},
    {0x14, 0x15, "function references"},
    {0x18, 0x19, "legacy exceptions"},
    {0x1f, 0x1f, "exceptions"},
    {0xd3, 0xd3, "gc"},
    {0xd4, 0xd6, "function references"},
    {SW_OP_PREFIXED(0xfb, 0), SW_OP_PREFIXED(0xfb, 30), "gc"},
    {SW_OP_PREFIXED(0xfc, 19), SW_OP_PREFIXED(0xfc, 22), "wide arithmetic"},
    {SW_OP_PREFIXED(0xfd, 0), SW_OP_PREFIXED(0xfd, 0x113), "simd"},
    {SW_OP_PREFIXED(0xfe, 0), SW_OP_PREFIXED(0xfe, 0x4e), "threads"},
};

const char *sw_opcode_feature(uint32_t code)
{
    for (size_t i = 0; i < SW_COUNTOF(FEATURES); i++) {
        if (code >= FEATURES[i].first && code <= FEATURES[i].last) {
            return FEATURES[i].name;
        }
    }
    return NULL;
}

static uint32_t opcode_read(sw_reader *r)
{
    uint8_t byte = sw_reader_u8(r);
    if (SW_LIKELY(byte < 0xfb) || byte == 0xff) {
        return byte;
    }
    uint32_t number = sw_reader_leb_u32(r);
    return SW_OP_PREFIXED(byte, SW_MIN(number, 0xfff));
}

static void memarg_read(sw_reader *r, sw_instr *ret)
{
    uint32_t at = sw_reader_offset(r);
    uint32_t flags = sw_reader_leb_u32(r);
    if (flags >= 0x80) {
        (void)sw_reader_fail_at(r, SW_MALFORMED, at, "malformed memory access flags %u", flags);
    }
    ret->mem.align_log2 = flags & 0x3f;
    ret->mem.memory = (flags & 0x40) != 0 ? sw_reader_leb_u32(r) : 0;
    ret->mem.offset = sw_reader_leb_u64(r);
}

static void targets_read(sw_reader *r, sw_instr *ret)
{
    ret->targets.count = sw_reader_count(r, UINT32_MAX, "branch targets");
    ret->targets.at = r->pos;
    for (uint32_t i = 0; i <= ret->targets.count && sw_reader_ok(r); i++) {
        (void)sw_reader_leb_u32(r);
    }
}

static void types_read(sw_reader *r, sw_instr *ret)
{
    ret->types.count = sw_reader_count(r, UINT32_MAX, "types");
    ret->types.first = SW_TYPE_BOTTOM;
    for (uint32_t i = 0; i < ret->types.count && sw_reader_ok(r); i++) {
        sw_valtype t = sw_valtype_read(r);
        ret->types.first = i == 0 ? t : ret->types.first;
    }
}

static void immediates_read(sw_reader *r, sw_immediate kind, sw_instr *ret)
{
    switch (kind) {
    case SW_IMM_NONE: break;
    case SW_IMM_BLOCK: ret->block = sw_blocktype_read(r); break;
    case SW_IMM_BR_TABLE: targets_read(r, ret); break;
    case SW_IMM_SELECT: types_read(r, ret); break;
    case SW_IMM_MEMARG: memarg_read(r, ret); break;
    case SW_IMM_I32: ret->bits = (uint32_t)sw_reader_leb_s32(r); break;
    case SW_IMM_I64: ret->bits = (uint64_t)sw_reader_leb_s64(r); break;
    case SW_IMM_F32: ret->bits = sw_reader_u32_le(r); break;
    case SW_IMM_F64: ret->bits = sw_reader_u64_le(r); break;
    case SW_IMM_HEAP_TYPE: ret->type = sw_valtype_ref(sw_heaptype_read(r), true); break;
    case SW_IMM_LABEL:
    case SW_IMM_FUNC:
    case SW_IMM_LOCAL:
    case SW_IMM_GLOBAL:
    case SW_IMM_TABLE:
    case SW_IMM_MEMORY:
    case SW_IMM_DATA:
    case SW_IMM_ELEM: ret->index = sw_reader_leb_u32(r); break;
    case SW_IMM_CALL_INDIRECT:
    case SW_IMM_DATA_MEMORY:
    case SW_IMM_MEMORY_MEMORY:
    case SW_IMM_ELEM_TABLE:
    case SW_IMM_TABLE_TABLE:
        ret->index = sw_reader_leb_u32(r);
        ret->index2 = sw_reader_leb_u32(r);
        break;
    }
}

sw_status sw_op_read(sw_reader *r, sw_instr *ret_instr)
{
    uint32_t at = sw_reader_offset(r);
    uint32_t code = opcode_read(r);
    const sw_opcode_info *info = sw_opcode_info_find(code);
    if (SW_UNLIKELY(!sw_reader_ok(r))) {
        return r->status;
    }
    if (SW_UNLIKELY(info == NULL)) {
        const char *feature = sw_opcode_feature(code);
        return feature == NULL
                   ? sw_reader_fail_at(r, SW_MALFORMED, at, "illegal opcode 0x%02x", code)
                   : sw_reader_fail_at(r, SW_UNSUPPORTED, at, "opcode 0x%02x needs %s", code,
                                       feature);
    }
    ret_instr->code = code;
    immediates_read(r, (sw_immediate)info->immediate, ret_instr);
    return r->status;
}

uint64_t sw_leb_next_u64_long(const uint8_t **p)
{
    uint64_t value = 0;
    unsigned shift = 0;
    uint8_t byte = 0;
    do {
        byte = *(*p)++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while ((byte & 0x80) != 0);
    return value;
}

int64_t sw_leb_next_s64_long(const uint8_t **p)
{
    uint64_t value = 0;
    unsigned shift = 0;
    uint8_t byte = 0;
    do {
        byte = *(*p)++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while ((byte & 0x80) != 0);
    return (int64_t)(shift < 64 && (byte & 0x40) != 0 ? value | UINT64_MAX << shift : value);
}

sw_valtype sw_valtype_next(const uint8_t **p)
{
    uint8_t byte = *(*p)++;
    if (byte == SW_TYPE_REF || byte == SW_TYPE_REF_NULL) {
        uint32_t heap = sw_heaptype_from_s33(sw_leb_next_s64(p));
        return sw_valtype_ref(heap, byte == SW_TYPE_REF_NULL);
    }
    return byte >= SW_TYPE_V128 ? byte : sw_valtype_ref(SW_HEAP_ABSTRACT | byte, true);
}

sw_blocktype sw_blocktype_next(const uint8_t **p)
{
    uint8_t byte = **p;
    if (byte == 0x40) {
        ++*p;
        return (sw_blocktype){SW_NO_INDEX, SW_TYPE_BOTTOM};
    }
    if ((byte & 0xc0) == 0x40) {
        return (sw_blocktype){SW_NO_INDEX, sw_valtype_next(p)};
    }
    return (sw_blocktype){sw_leb_next_u32(p), SW_TYPE_BOTTOM};
}
