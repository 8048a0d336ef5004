/*
 * Running components of test scripts: definitions, instances, calls with values written as JSON.
 */
#pragma once

#include "wast.h"

#include "component/component.h"

/* What a script has made so far. Everything lives until the script ends. */
typedef struct component_exec component_exec;

component_exec *component_exec_new(void); /* exits when there is no memory */
void component_exec_free(component_exec *e);

/* Compiles the component of a command ("module", "module_definition") and remembers it by name. */
sw_status component_exec_define(component_exec *e, wast_script *s, const json_t *command,
                                sw_diag *diag);
/* Makes an instance of the definition that the command names, or of the last one. */
sw_status component_exec_instantiate(component_exec *e, const json_t *command, sw_diag *diag);

/* Runs an invocation. *ret_same tells whether the result is what `expected` (or NULL) says; text
 * receives the trap's sentence, or the difference. */
sw_status component_exec_invoke(component_exec *e, const json_t *action, const json_t *expected,
                                bool *ret_same, char text[256]);

/* JSON to host layout. False when it is no value of the type. Parts go to the arena. */
bool component_value_read(sw_arena *arena, const sw_canon_layouts *l, sw_vtype v, const json_t *in,
                          uint8_t *out);
/* Whether a value in host layout is the one written as JSON. */
bool component_value_same(const sw_canon_layouts *l, sw_vtype v, const uint8_t *value,
                          const json_t *want);
