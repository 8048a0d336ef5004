/* The custom section of debugging names. Nothing in it can make a module wrong. */
#include "wasm/decode.h"

enum { SUBSECTION_MODULE = 0, SUBSECTION_FUNCTIONS = 1 };

/* Names by ascending function index; anything else fails the reader. */
static sw_status read_functions(sw_module *m, sw_reader *r)
{
    uint32_t count = sw_reader_count(r, SW_MAX_FUNCTIONS, "names");
    sw_func_name *names = SW_NEW_ARRAY(m->arena, sw_func_name, count);
    if (names == NULL) {
        return SW_NO_MEMORY;
    }
    for (uint32_t i = 0; i < count && sw_reader_ok(r); i++) {
        names[i].func = sw_reader_leb_u32(r);
        names[i].name = sw_reader_name(r);
        bool ascends = i == 0 || names[i].func > names[i - 1].func;
        if (!ascends || names[i].func >= m->funcs_count) {
            (void)sw_reader_fail(r, SW_MALFORMED, "function names out of order");
        }
    }
    if (sw_reader_ok(r)) {
        m->func_names = names;
        m->func_names_count = count;
    }
    return SW_OK;
}

sw_status sw_decode_names(sw_module *m)
{
    const sw_custom *c = sw_module_custom(m, SW_STR("name"));
    if (c == NULL) {
        return SW_OK;
    }
    sw_reader r = sw_reader_make(sw_bytes_slice(m->bytes, c->bytes.start, c->bytes.len), 0, NULL);
    while (sw_reader_ok(&r) && !sw_reader_at_end(&r)) {
        uint8_t id = sw_reader_u8(&r);
        sw_reader sub = sw_reader_sub(&r, sw_reader_leb_u32(&r));
        if (id == SUBSECTION_MODULE) {
            sw_str name = sw_reader_name(&sub);
            m->name = sw_reader_ok(&sub) ? name : (sw_str){};
        } else if (id == SUBSECTION_FUNCTIONS) {
            SW_TRY(read_functions(m, &sub));
        }
    }
    return SW_OK;
}
