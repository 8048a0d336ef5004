/*
 * swell: typed values, for calls in both directions.
 *
 * A value says its own kind; compound values point to their parts. Nothing is owned: parts of
 * arguments are the caller's, parts of results live as the call that gave them says.
 */
#pragma once

#include <swell/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum swell_value_kind {
    SWELL_BOOL,
    SWELL_S8,
    SWELL_U8,
    SWELL_S16,
    SWELL_U16,
    SWELL_S32, /* also core i32 */
    SWELL_U32,
    SWELL_S64, /* also core i64 */
    SWELL_U64,
    SWELL_F32,
    SWELL_F64,
    SWELL_CHAR,
    SWELL_STRING,
    SWELL_LIST,    /* children: the elements */
    SWELL_RECORD,  /* children: the fields, in the order of the type */
    SWELL_TUPLE,   /* children */
    SWELL_VARIANT, /* index: the case; children: its payload, or none */
    SWELL_ENUM,    /* index */
    SWELL_FLAGS,   /* flags: bit i is flag i */
    SWELL_OPTION,  /* index 0: none; 1: some, children[0] */
    SWELL_RESULT,  /* index 0: ok; 1: error; children: the payload, or none */
    SWELL_HANDLE,  /* a resource. The host's: the number it chose; a guest's: a handle, which is the
                      host's to drop (swell_instance_drop) where the type is own */
    SWELL_BYTES,   /* list<u8> as one span: how results come, and one way to give it */
} swell_value_kind;

typedef struct swell_value swell_value;
struct swell_value {
    swell_value_kind kind;
    uint32_t index; /* case of a variant, enum, option, result */
    union {
        bool boolean;
        int8_t s8;
        uint8_t u8;
        int16_t s16;
        uint16_t u16;
        int32_t s32;
        uint32_t u32;
        int64_t s64;
        uint64_t u64;
        float f32;
        double f64;
        uint32_t character; /* a Unicode scalar value */
        uint32_t flags;
        uint32_t handle;
        swell_str string;
        swell_bytes bytes;
        struct {
            const swell_value *at;
            size_t count;
        } children;
    };
};

#ifdef __cplusplus
}
#endif
