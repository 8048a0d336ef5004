/* Whether what an embedder offers fits what a module imports. Nothing is changed here. */
#include "run/internal.h"

typedef struct linking {
    const sw_store *store;
    const sw_code *code;
    sw_diag *diag;
    sw_str module, name; /* of the import being looked at */
} linking;

static sw_status misfit(const linking *l, const char *why)
{
    return sw_fail(l->diag, SW_UNLINKABLE, SW_NO_OFFSET, "import \"%.*s\" \"%.*s\": %s",
                   SW_STR_ARG(l->module), SW_STR_ARG(l->name), why);
}

static sw_status other_store(const linking *l)
{
    return sw_fail(l->diag, SW_ARGUMENT, SW_NO_OFFSET,
                   "import \"%.*s\" \"%.*s\": belongs to another store", SW_STR_ARG(l->module),
                   SW_STR_ARG(l->name));
}

static sw_status check_func(const linking *l, uint32_t func, const sw_extern *x)
{
    if (sw_cell_store(x->func.cell) != l->store) {
        return other_store(l);
    }
    uint32_t id = l->code->type_ids[l->code->funcs[func].type];
    return x->func.cell->type_id == id ? SW_OK : misfit(l, "incompatible import type (function)");
}

/* An import may ask for less than there is, and allow more growth than there will be. */
static bool limits_fit(const sw_limits *wanted, const sw_limits *given, uint64_t size)
{
    return size >= wanted->min && wanted->is_64 == given->is_64 &&
           wanted->is_shared == given->is_shared && wanted->page_log2 == given->page_log2 &&
           (!wanted->has_max || (given->has_max && given->max <= wanted->max));
}

static sw_status check_table(const linking *l, uint32_t table, const sw_extern *x)
{
    if (x->table->store != l->store) {
        return other_store(l);
    }
    sw_tabletype wanted = sw_code_table_type(l->code, table);
    bool fits = wanted.element == x->table->type.element &&
                limits_fit(&wanted.limits, &x->table->type.limits, x->table->view->count);
    return fits ? SW_OK : misfit(l, "incompatible import type (table)");
}

static sw_status check_memory(const linking *l, uint32_t memory, const sw_extern *x)
{
    if (x->memory->store != l->store) {
        return other_store(l);
    }
    sw_memtype wanted = sw_code_memory_type(l->code, memory);
    bool fits = limits_fit(&wanted.limits, &x->memory->type.limits, sw_memory_pages(x->memory));
    return fits ? SW_OK : misfit(l, "incompatible import type (memory)");
}

static sw_status check_global(const linking *l, uint32_t global, const sw_extern *x)
{
    if (x->global->store != l->store) {
        return other_store(l);
    }
    const sw_image_global *wanted = &l->code->globals[global];
    bool fits = wanted->type == x->global->type.type &&
                (wanted->is_mutable != 0) == x->global->type.is_mutable;
    return fits ? SW_OK : misfit(l, "incompatible import type (global)");
}

static sw_status check_one(const linking *l, const sw_image_import *m, const sw_extern *x)
{
    if (m->kind != x->kind) {
        return misfit(l, "incompatible import type (another kind of thing)");
    }
    switch (x->kind) {
    case SW_EXTERN_FUNC: return check_func(l, m->index, x);
    case SW_EXTERN_TABLE: return check_table(l, m->index, x);
    case SW_EXTERN_MEMORY: return check_memory(l, m->index, x);
    case SW_EXTERN_GLOBAL: return check_global(l, m->index, x);
    case SW_EXTERN_TAG: break;
    }
    return sw_fail(l->diag, SW_UNSUPPORTED, SW_NO_OFFSET, "import \"%.*s\" \"%.*s\": tags",
                   SW_STR_ARG(l->module), SW_STR_ARG(l->name));
}

sw_status sw_link_check(const sw_store *s, const sw_code *code, const sw_extern *imports,
                        sw_diag *diag)
{
    for (uint32_t i = 0; i < code->imports_count; i++) {
        const sw_image_import *m = &code->imports[i];
        linking l = {s, code, diag, sw_image_get_str(code->image, m->module),
                     sw_image_get_str(code->image, m->name)};
        SW_TRY(check_one(&l, m, &imports[i]));
    }
    return SW_OK;
}
