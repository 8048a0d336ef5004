/* Finds swell-tls.so, loads it once, and hands calls on. */
#include "tls.h"

#include "http/tls/module.h"

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MODULE_NAME "swell-tls.so"

static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;
static _Atomic(const sw_tls_module_table *) module;

/* The folder of the program or library that this function is in; false if it cannot be told. */
static bool own_folder(char *ret_path, size_t size)
{
    Dl_info info;
    struct link_map *map = NULL;
    ssize_t n;
    if (dladdr1((const void *)(uintptr_t)&module, &info, (void **)&map, RTLD_DL_LINKMAP) == 0 ||
        map == NULL) {
        return false;
    }
    if (map->l_name[0] == '\0') { /* the program */
        n = readlink("/proc/self/exe", ret_path, size - 1);
    } else {
        n = snprintf(ret_path, size, "%s", map->l_name);
    }
    if (n <= 0 || (size_t)n >= size) {
        return false;
    }
    ret_path[n] = '\0';
    char *slash = strrchr(ret_path, '/');
    if (slash == NULL) {
        return false;
    }
    *slash = '\0';
    return true;
}

static sw_status load_file(const char *path, sw_diag *diag)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        return sw_fail(diag, SW_NOT_FOUND, SW_NO_OFFSET, "TLS: cannot load the module: %s",
                       dlerror());
    }
    const sw_tls_module_table *m = dlsym(handle, SW_TLS_MODULE_SYMBOL);
    if (m == NULL || m->abi != SW_TLS_MODULE_ABI || m->size_bytes != sizeof *m) {
        dlclose(handle);
        return sw_fail(diag, SW_STALE, SW_NO_OFFSET, "TLS: '%s' belongs to another build", path);
    }
    atomic_store_explicit(&module, m, memory_order_release);
    return SW_OK;
}

static sw_status load_found(sw_diag *diag)
{
    char folder[PATH_MAX], path[PATH_MAX + sizeof MODULE_NAME + 1];
    if (own_folder(folder, sizeof folder)) {
        (void)snprintf(path, sizeof path, "%s/" MODULE_NAME, folder);
        if (access(path, R_OK) == 0) {
            return load_file(path, diag);
        }
    }
    (void)snprintf(path, sizeof path, "%s/" MODULE_NAME, SW_MODULE_DIR);
    if (access(path, R_OK) == 0) {
        return load_file(path, diag);
    }
    return sw_fail(diag, SW_NOT_FOUND, SW_NO_OFFSET,
                   "TLS: the module " MODULE_NAME " is neither beside the program nor in '%s'",
                   SW_MODULE_DIR);
}

static sw_status load(const char *path, sw_diag *diag)
{
    if (atomic_load_explicit(&module, memory_order_acquire) != NULL) {
        return SW_OK;
    }
    pthread_mutex_lock(&loading);
    sw_status st = SW_OK;
    if (atomic_load_explicit(&module, memory_order_acquire) == NULL) {
        st = path == NULL ? load_found(diag) : load_file(path, diag);
    }
    pthread_mutex_unlock(&loading);
    return st;
}

sw_status sw_tls_load(sw_diag *diag)
{
    return load(NULL, diag);
}

sw_status sw_tls_load_from(const char *path, sw_diag *diag)
{
    return load(path, diag);
}

/* Whoever has an sw_tls or a connection has the module. */
static const sw_tls_module_table *get_module(void)
{
    const sw_tls_module_table *m = atomic_load_explicit(&module, memory_order_acquire);
    assert(m != NULL);
    return m;
}

sw_status sw_tls_server_new(const sw_tls_server_options *options, const sw_tls *old,
                            sw_tls **ret_tls, sw_diag *diag)
{
    SW_TRY(sw_tls_load(diag));
    return get_module()->server_new(options, old, ret_tls, diag);
}

sw_status sw_tls_client_new(const sw_tls_client_options *options, sw_tls **ret_tls, sw_diag *diag)
{
    SW_TRY(sw_tls_load(diag));
    return get_module()->client_new(options, ret_tls, diag);
}

sw_tls *sw_tls_ref(sw_tls *t)
{
    return get_module()->ref(t);
}

void sw_tls_unref(sw_tls *t)
{
    if (t != NULL) {
        get_module()->unref(t);
    }
}

sw_status sw_tls_accept(sw_tls *t, int fd, sw_budget *budget, sw_io **ret_io)
{
    return get_module()->accept(t, fd, budget, ret_io);
}

sw_status sw_tls_connect(sw_tls *t, int fd, sw_str host, sw_budget *budget, sw_io **ret_io)
{
    return get_module()->connect(t, fd, host, budget, ret_io);
}

void sw_tls_get_info(const sw_io *io, sw_tls_info *ret_info)
{
    get_module()->info(io, ret_info);
}
