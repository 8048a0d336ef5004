/* Short names for instructions, for functions with a `sw_builder *b`; and running over knobs. */
#pragma once

#include "machine.h"

#define OP(op)                     sw_builder_op(b, SW_OP_##op)
#define GET(n)                     sw_builder_op_u32(b, SW_OP_LOCAL_GET, (n))
#define SET(n)                     sw_builder_op_u32(b, SW_OP_LOCAL_SET, (n))
#define TEE(n)                     sw_builder_op_u32(b, SW_OP_LOCAL_TEE, (n))
#define GLOBAL_GET(n)              sw_builder_op_u32(b, SW_OP_GLOBAL_GET, (n))
#define GLOBAL_SET(n)              sw_builder_op_u32(b, SW_OP_GLOBAL_SET, (n))
#define I32(n)                     sw_builder_i32(b, (uint32_t)(n))
#define I64(n)                     sw_builder_const(b, 'I', (uint64_t)(n))
#define F64(bits)                  sw_builder_const(b, 'F', (bits))
#define BR(n)                      sw_builder_op_u32(b, SW_OP_BR, (n))
#define BR_IF(n)                   sw_builder_op_u32(b, SW_OP_BR_IF, (n))
#define CALL(n)                    sw_builder_op_u32(b, SW_OP_CALL, (n))
#define CALL_INDIRECT(type, table) sw_builder_op_u32x2(b, SW_OP_CALL_INDIRECT, (type), (table))
#define BLOCK(op, t)               sw_builder_block(b, SW_OP_##op, (t))
#define BLOCK_TYPE(op, type)       sw_builder_block_type(b, SW_OP_##op, (type))
#define LOAD(op, offset)           sw_builder_mem(b, SW_OP_##op, 0, (offset))
#define END_FUNC()                 sw_builder_end_func(b)

typedef void build_fn(sw_builder *b);
typedef void check_fn(machine *m);

/* Builds a module once and checks it under several register settings. */
void with_module(build_fn *build, check_fn *check);
