/*
 * What a binary is, as lists of texts: the common ground of the two forms of inspect.
 */
#pragma once

#include "api/input.h"

/* An import or export. Items of an interface follow it with depth 1. */
typedef struct sw_item_text {
    sw_str name, type; /* "wasi:cli/run@0.2.0" "instance"; "run" "func() -> result" */
    uint32_t depth;
} sw_item_text;

/* Something that the imports amount to: "files" "in the directories that are granted". */
typedef struct sw_capability {
    sw_str name, detail;
    sw_str option; /* what grants it, "--dir"; empty: nothing needs to, or nothing can */
} sw_capability;

typedef struct sw_producer {
    sw_str field, name, version; /* "language" "Rust" "1.95" */
} sw_producer;

typedef struct sw_module_text {
    sw_str name; /* may be empty */
    uint64_t size_bytes, code_bytes, data_bytes, custom_bytes;
    uint32_t functions;
} sw_module_text;

typedef struct sw_description {
    bool is_component;
    uint64_t size_bytes;
    SW_VEC(sw_item_text) imports;
    SW_VEC(sw_item_text) exports;
    SW_VEC(sw_capability) capabilities;
    SW_VEC(sw_producer) producers;
    SW_VEC(sw_module_text) modules;
} sw_description;

/* Texts lie in the input's arena or in bytes. To be cleared also after a failure. */
SW_NODISCARD sw_status sw_describe(sw_input *in, sw_bytes bytes, sw_description *ret);
void sw_description_clear(sw_description *d);
