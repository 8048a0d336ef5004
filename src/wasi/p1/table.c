/* WASI 0.1: the table of functions, their binding to imports, memory and descriptors. */
#include "wasi/p1/p1.h"

#include <errno.h>
#include <unistd.h>

struct p1_func {
    sw_str name;
    const char *signature; /* i: i32, I: i64 */
    p1_fn *fn;
};

enum { P1_MAX_PARAMS = 9, P1_MAX_FDS = 1 << 20, P1_ARENA_BYTES = 1 << 20 };

// clang-format off
static const p1_func FUNCS[] = {
#define F(name, signature) {SW_STR_INIT(#name), signature, sw_p1_##name},
    F(args_get, "ii") F(args_sizes_get, "ii") F(environ_get, "ii") F(environ_sizes_get, "ii")
    F(clock_res_get, "ii") F(clock_time_get, "iIi")
    F(fd_advise, "iIIi") F(fd_allocate, "iII") F(fd_close, "i") F(fd_datasync, "i")
    F(fd_fdstat_get, "ii") F(fd_fdstat_set_flags, "ii") F(fd_fdstat_set_rights, "iII")
    F(fd_filestat_get, "ii") F(fd_filestat_set_size, "iI") F(fd_filestat_set_times, "iIIi")
    F(fd_pread, "iiiIi") F(fd_prestat_get, "ii") F(fd_prestat_dir_name, "iii")
    F(fd_pwrite, "iiiIi") F(fd_read, "iiii") F(fd_readdir, "iiiIi") F(fd_renumber, "ii")
    F(fd_seek, "iIii") F(fd_sync, "i") F(fd_tell, "ii") F(fd_write, "iiii")
    F(path_create_directory, "iii") F(path_filestat_get, "iiiii")
    F(path_filestat_set_times, "iiiiIIi") F(path_link, "iiiiiii") F(path_open, "iiiiiIIii")
    F(path_readlink, "iiiiii") F(path_remove_directory, "iii") F(path_rename, "iiiiii")
    F(path_symlink, "iiiii") F(path_unlink_file, "iii")
    F(poll_oneoff, "iiii") F(proc_exit, "i") F(proc_raise, "i") F(sched_yield, "")
    F(random_get, "ii") F(sock_accept, "iii") F(sock_recv, "iiiiii") F(sock_send, "iiiii")
    F(sock_shutdown, "ii")
#undef F
};
// clang-format on

static_assert(SW_COUNTOF(FUNCS) == 46, "WASI 0.1 has 46 functions");

struct p1_binding {
    sw_host_func host;
    sw_functype type;
    sw_valtype params[P1_MAX_PARAMS];
    sw_p1 *p1;
    const p1_func *func;
    bool is_made;
};

static const sw_valtype RESULT_I32[] = {SW_TYPE_I32};

static sw_trap call(sw_host_func *self, sw_regs *regs)
{
    const p1_binding *b = self->env;
    sw_value_slot args[P1_MAX_PARAMS];
    uint8_t *area = sw_store_args_area(self->store);
    sw_regs_get_params(&b->type, regs, area, args);
    b->p1->trap = SW_TRAP_NONE;
    p1_errno err = b->func->fn(b->p1, args);
    sw_value_slot result = {.i64 = err};
    sw_regs_set_results(&b->type, &result, regs, area);
    return b->p1->trap;
}

static sw_status bind(sw_p1 *p, const p1_func *f, p1_binding *b)
{
    size_t count = strlen(f->signature);
    for (size_t i = 0; i < count; i++) {
        b->params[i] = f->signature[i] == 'I' ? SW_TYPE_I64 : SW_TYPE_I32;
    }
    bool returns = f->fn != sw_p1_proc_exit;
    b->type = (sw_functype){.params = b->params,
                            .results = RESULT_I32,
                            .params_count = (uint32_t)count,
                            .results_count = returns};
    b->p1 = p;
    b->func = f;
    SW_TRY(sw_host_func_init(&b->host, p->store, &b->type, call, b));
    b->is_made = true;
    return SW_OK;
}

sw_status sw_p1_find(sw_p1 *p, sw_str module, sw_str name, sw_extern *ret_extern)
{
    if (!sw_str_eq(module, SW_STR("wasi_snapshot_preview1"))) {
        return SW_NOT_FOUND;
    }
    for (size_t i = 0; i < SW_COUNTOF(FUNCS); i++) {
        if (sw_str_eq(FUNCS[i].name, name)) {
            p1_binding *b = &p->bindings[i];
            if (!b->is_made) {
                SW_TRY(bind(p, &FUNCS[i], b));
            }
            *ret_extern = sw_host_func_extern(&b->host);
            return SW_OK;
        }
    }
    return SW_NOT_FOUND;
}

static sw_status add_stdio(sw_p1 *p)
{
    for (unsigned i = 0; i < 3; i++) {
        int fd = sw_wasi_stdio(p->wasi, i);
        p1_fd entry = {.kind = fd < 0 ? P1_FREE : P1_STDIO, .fd = fd};
        entry.rights =
            i == 0 ? P1_RIGHTS_ALL & ~P1_RIGHT_FD_WRITE : P1_RIGHTS_ALL & ~P1_RIGHT_FD_READ;
        SW_TRY(sw_vec_push(&p->fds, entry));
    }
    return SW_OK;
}

static sw_status add_preopens(sw_p1 *p)
{
    size_t count;
    const sw_preopen *preopens = sw_wasi_preopens(p->wasi, &count);
    for (size_t i = 0; i < count; i++) {
        p1_fd entry = {.kind = preopens[i].fd < 0 ? P1_EMPTY_ROOT : P1_DIR,
                       .fd = preopens[i].fd,
                       .root = &preopens[i],
                       .is_preopen = true,
                       .rights = P1_RIGHTS_ALL,
                       .rights_inheriting = P1_RIGHTS_ALL};
        SW_TRY(sw_vec_push(&p->fds, entry));
    }
    return SW_OK;
}

sw_status sw_p1_new(sw_wasi *w, sw_p1 **ret_p1)
{
    sw_budget *budget = sw_store_budget(sw_wasi_store(w));
    sw_p1 *p = sw_alloc(budget, sizeof *p);
    if (p == NULL) {
        return SW_NO_MEMORY;
    }
    *p = (sw_p1){.wasi = w, .store = sw_wasi_store(w), .budget = budget};
    p->fds.budget = budget;
    sw_arena_init(&p->arena, budget, P1_ARENA_BYTES);
    p->bindings = SW_NEW_ARRAY(&p->arena, p1_binding, SW_COUNTOF(FUNCS));
    sw_status st = p->bindings == NULL ? SW_NO_MEMORY : add_stdio(p);
    st = st == SW_OK ? add_preopens(p) : st;
    if (st != SW_OK) {
        sw_p1_free(p);
        return st;
    }
    *ret_p1 = p;
    return SW_OK;
}

void sw_p1_free(sw_p1 *p)
{
    if (p == NULL) {
        return;
    }
    for (size_t i = 0; i < p->fds.count; i++) {
        if (p->fds.at[i].kind != P1_FREE && p->fds.at[i].is_owned) {
            (void)close(p->fds.at[i].fd);
        }
    }
    sw_budget *budget = p->budget;
    sw_vec_clear(&p->fds);
    sw_free(budget, p->dir_buffer, p->dir_buffer == NULL ? 0 : SW_DIR_BUFFER_BYTES);
    sw_arena_clear(&p->arena);
    sw_free(budget, p, sizeof *p);
}

void sw_p1_set_memory(sw_p1 *p, const sw_memory_object *memory)
{
    p->memory = memory;
}

void sw_p1_end(sw_p1 *p, sw_trap trap)
{
    p->trap = trap;
}

p1_errno sw_p1_slice(sw_p1 *p, uint32_t addr, uint64_t len, uint8_t **ret)
{
    if (p->memory == NULL || !sw_memory_slice(sw_memory_get_view(p->memory), addr, len, ret)) {
        return P1_FAULT;
    }
    return P1_SUCCESS;
}

p1_errno sw_p1_path(sw_p1 *p, uint32_t addr, uint32_t len, sw_str *ret)
{
    uint8_t *at;
    P1_TRY(sw_p1_slice(p, addr, len, &at));
    *ret = (sw_str){(const char *)at, len};
    return P1_SUCCESS;
}

p1_errno sw_p1_store_bytes(sw_p1 *p, uint32_t addr, const void *from, size_t size)
{
    uint8_t *at;
    P1_TRY(sw_p1_slice(p, addr, size, &at));
    memcpy(at, from, size);
    return P1_SUCCESS;
}

p1_errno sw_p1_store_u32(sw_p1 *p, uint32_t addr, uint32_t value)
{
    return sw_p1_store_bytes(p, addr, &value, sizeof value);
}

p1_errno sw_p1_store_u64(sw_p1 *p, uint32_t addr, uint64_t value)
{
    return sw_p1_store_bytes(p, addr, &value, sizeof value);
}

p1_errno sw_p1_get_any(sw_p1 *p, uint32_t fd, p1_fd **ret)
{
    if (fd >= p->fds.count || p->fds.at[fd].kind == P1_FREE) {
        return P1_BADF;
    }
    *ret = &p->fds.at[fd];
    return P1_SUCCESS;
}

p1_errno sw_p1_get(sw_p1 *p, uint32_t fd, p1_fd **ret)
{
    P1_TRY(sw_p1_get_any(p, fd, ret));
    return (*ret)->fd < 0 ? P1_BADF : P1_SUCCESS;
}

p1_errno sw_p1_get_dir(sw_p1 *p, uint32_t fd, p1_fd **ret)
{
    P1_TRY(sw_p1_get_any(p, fd, ret));
    return (*ret)->kind == P1_DIR || (*ret)->kind == P1_EMPTY_ROOT ? P1_SUCCESS : P1_NOTDIR;
}

p1_errno sw_p1_insert(sw_p1 *p, const p1_fd *entry, uint32_t *ret_fd)
{
    for (size_t i = 3; i < p->fds.count; i++) {
        if (p->fds.at[i].kind == P1_FREE) {
            p->fds.at[i] = *entry;
            *ret_fd = (uint32_t)i;
            return P1_SUCCESS;
        }
    }
    if (p->fds.count >= P1_MAX_FDS || sw_vec_push(&p->fds, *entry) != SW_OK) {
        return P1_NFILE;
    }
    *ret_fd = (uint32_t)(p->fds.count - 1);
    return P1_SUCCESS;
}
