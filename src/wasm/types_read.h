/* Types out of untrusted bytes: form only; the indices in them are the validator's business. */
#pragma once

#include "base/reader.h"
#include "wasm/opcodes.h"

sw_valtype sw_valtype_read(sw_reader *r);
/* The heap type's 24 bits, as in sw_valtype_heap. */
uint32_t sw_heaptype_read(sw_reader *r);
/* A nullable or typed reference; anything else is malformed. */
sw_valtype sw_reftype_read(sw_reader *r);
sw_blocktype sw_blocktype_read(sw_reader *r);
