/* Validates components and prints the plan of a single one: for people who work on the planner. */
#include "component/component.h"
#include "wasm/validate.h"

#include <stdio.h>
#include <stdlib.h>

static sw_bytes read_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        return (sw_bytes){};
    }
    sw_buf b;
    sw_buf_init(&b, NULL, SIZE_MAX);
    for (;;) {
        uint8_t *to = sw_buf_reserve(&b, 65536);
        size_t n = to == NULL ? 0 : fread(to, 1, 65536, f);
        if (n == 0) {
            break;
        }
        b.len += n;
    }
    (void)fclose(f);
    return sw_buf_bytes(&b);
}

static void print_ref(const char *what, sw_core_ref r)
{
    if (r.source == SW_CORE_EXPORT) {
        printf(" %s=core%u.%u", what, r.index, r.item);
    } else if (r.source == SW_CORE_TRAMPOLINE) {
        printf(" %s=trampoline%u", what, r.index);
    }
}

static void print_text(const sw_plan *p, sw_text t)
{
    printf("%.*s", SW_STR_ARG(sw_types_str(&p->types, t)));
}

static void print_func(const sw_types *t, uint32_t func)
{
    char text[200];
    if (func == SW_PLAN_NONE) {
        return;
    }
    const sw_cfunc_type *f = &t->funcs[func];
    printf(" func(");
    for (uint32_t i = 0; i < f->params_count; i++) {
        const sw_type_field *x = &t->fields[f->params_first + i];
        printf("%s%.*s: %s", i == 0 ? "" : ", ", SW_STR_ARG(sw_types_str(t, x->name)),
               sw_vtype_text(t, x->type, text, sizeof text));
    }
    printf(") -> %s", sw_vtype_text(t, f->result, text, sizeof text));
}

static void print_options(const sw_plan *p, uint32_t options)
{
    if (options != SW_PLAN_NONE) {
        const sw_canon_options *o = &p->options[options];
        printf(" encoding=%u", o->encoding);
        print_ref("memory", o->memory);
        print_ref("realloc", o->realloc);
        print_ref("post-return", o->post_return);
    }
}

static void print_step(const sw_plan *p, sw_step s)
{
    static const char *const KINDS[] = {"lower-import", "lower-lift", "resource.new",
                                        "resource.drop", "resource.rep"};
    if (s.kind == SW_STEP_INSTANTIATE) {
        const sw_core_instance_plan *c = &p->core_instances[s.index];
        printf("core%u = instantiate module %u in instance %u:", s.index, c->module, c->instance);
        for (uint32_t i = 0; i < c->args_count; i++) {
            print_ref("arg", p->core_args[c->args_first + i]);
        }
    } else if (s.kind == SW_STEP_TRAMPOLINE) {
        const sw_trampoline_plan *t = &p->trampolines[s.index];
        printf("trampoline%u = %s %u in instance %u", s.index, KINDS[t->kind], t->target,
               t->instance);
        print_func(&p->types, t->func_type);
        print_options(p, t->options);
    } else if (s.kind == SW_STEP_LIFT) {
        const sw_lift_plan *l = &p->lifts[s.index];
        printf("lift%u in instance %u", s.index, l->instance);
        print_ref("func", l->core_func);
        print_func(&p->types, l->func_type);
        print_options(p, l->options);
    } else {
        const sw_resource_plan *r = &p->resources[s.index];
        printf("resource%u in instance %u ", s.index, r->instance);
        print_text(p, r->name);
        print_ref("dtor", r->destructor);
    }
    printf("\n");
}

static void print_ends(const sw_plan *p)
{
    static const char *const KINDS[] = {"func", "instance", "resource",
                                        "type", "module",   "component"};
    for (uint32_t i = 0; i < p->imports_count; i++) {
        const sw_import_plan *m = &p->imports[i];
        printf("%simport%u %s %d ", m->parent == SW_PLAN_NONE ? "" : "  ", i, KINDS[m->kind],
               (int)m->index);
        print_text(p, m->name);
        if (m->kind == SW_ITEM_FUNC) {
            print_func(&p->types, p->import_funcs[m->index].func_type);
        }
        printf("\n");
    }
    for (uint32_t i = 0; i < p->exports_count; i++) {
        const sw_export_plan *x = &p->exports[i];
        printf("export%u in %d %s %d%s ", i, (int)x->parent, KINDS[x->kind], (int)x->index,
               x->is_import ? " (import)" : "");
        print_text(p, x->name);
        printf("\n");
    }
}

int main(int argc, char **argv)
{
    sw_features features = {.simd = true, .multi_memory = true};
    for (int i = 1; i < argc; i++) {
        sw_arena arena;
        sw_diag diag = {};
        sw_component_binary c;
        sw_bytes bytes = read_file(argv[i]);
        sw_arena_init(&arena, NULL, SIZE_MAX);
        sw_status st = sw_component_read(&arena, bytes, &features, &diag, &c);
        for (uint32_t m = 0; st == SW_OK && m < c.plan.modules_count; m++) {
            st = sw_module_validate_bodies(&c.modules[m], &features, &diag);
        }
        if (st != SW_OK) {
            printf("%s: error at 0x%x: %s\n", argv[i], diag.offset, diag.text);
            return EXIT_FAILURE;
        }
        printf("%s: %u modules, %u steps, %u types, arena %zu bytes\n", argv[i],
               c.plan.modules_count, c.plan.steps_count, c.plan.types.defs_count,
               arena.total_bytes);
        for (uint32_t s = 0; argc == 2 && s < c.plan.steps_count; s++) {
            print_step(&c.plan, c.plan.steps[s]);
        }
        if (argc == 2) {
            print_ends(&c.plan);
        }
        sw_arena_clear(&arena);
        sw_free(NULL, (void *)(uintptr_t)bytes.ptr, bytes.len);
    }
    return EXIT_SUCCESS;
}
