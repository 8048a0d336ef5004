/* What the parts of the bindings generator share. */
#pragma once

#include "wit/bindgen.h"

typedef struct sw_bindgen_layout {
    uint32_t size, align;
} sw_bindgen_layout;

/* One interface in work. Names live in the wit's arena. */
typedef struct sw_bindgen_unit {
    const sw_bindgen *b;
    const sw_wit_interface *interface;
    sw_wit_types t;
    const char *base;           /* "sw_wasi_io_streams" */
    const char **names;         /* C type per def */
    const char **mangled;       /* part of a name of a type made of it, per def */
    sw_bindgen_layout *layouts; /* per def */
} sw_bindgen_unit;

/* "sw_wasi_io_streams" */
const char *sw_bindgen_base(const sw_bindgen *b, const sw_wit_interface *i);

/* Kebab-case to C: "%type" of a field is "type", a reserved word gets a '_'. */
const char *sw_bindgen_field_name(const sw_bindgen *b, sw_str name);
/* In capitals, for constants. */
const char *sw_bindgen_upper(const sw_bindgen *b, const char *name);
/* The C function that implements f. */
const char *sw_bindgen_func_name(const sw_bindgen_unit *u, const sw_wit_func *f);
/* base "_" name: a resource, or a type without its "_t" */
const char *sw_bindgen_resource_name(const sw_bindgen *b, const sw_wit_typedef *d);
/* base "_" name "_t" */
const char *sw_bindgen_typedef_name(const sw_bindgen *b, const sw_wit_typedef *d);

/* Makes the table, names and layouts. Refuses what C bindings cannot express yet. */
SW_NODISCARD sw_status sw_bindgen_unit_init(sw_bindgen_unit *u, const sw_bindgen *b,
                                            const sw_wit_interface *i);

const char *sw_bindgen_type_name(const sw_bindgen_unit *u, sw_vtype v);
sw_bindgen_layout sw_bindgen_layout_of(const sw_bindgen_unit *u, sw_vtype v);
/* Bytes of the tag of so many cases. */
uint32_t sw_bindgen_tag_bytes(uint32_t cases);

void sw_bindgen_header(const sw_bindgen_unit *u, sw_buf *out);
void sw_bindgen_source(const sw_bindgen_unit *u, sw_buf *out);
