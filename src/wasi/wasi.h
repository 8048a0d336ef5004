/*
 * WASI, the host side: one context a store.
 *
 * The context is made from grants and holds the open directories behind them. The faces (p1 for
 * core modules, p2 for components) keep their own tables of descriptors and resources and do the
 * work through core/: fs.h, poll.h. Nothing here blocks past the store's deadline.
 */
#pragma once

#include "base/counter.h"
#include "component/component.h"
#include "run/run.h"
#include "wasi/grants.h"

/* A refused operation: what was asked ("open '/etc/passwd' for reading") and the option that would
 * grant it ("--dir /etc:ro"). Both end with a NUL. */
typedef void sw_denial_fn(void *env, const char *asked, const char *option);

/* Opens the granted directories: fails with SW_IO or SW_NOT_FOUND naming one that cannot be. The
 * context is charged to the store's budget and must be freed before the store. */
SW_NODISCARD sw_status sw_wasi_new(sw_store *s, const sw_grants *grants, sw_denial_fn *denial,
                                   void *denial_env, sw_diag *diag, sw_wasi **ret_wasi);
void sw_wasi_free(sw_wasi *w);

/* Forgets all that guests have opened and made; the granted directories stay open. No instance
 * uses the context any more. */
void sw_wasi_reset(sw_wasi *w);

/* What the guest writes to its standard streams (1, 2) goes to this function instead of a
 * descriptor. WASI 0.2 only. On the guest's stack: be brief. */
typedef void sw_wasi_sink_fn(void *env, unsigned stream, sw_bytes bytes);
void sw_wasi_set_sink(sw_wasi *w, sw_wasi_sink_fn *sink, void *env);
bool sw_wasi_has_sink(const sw_wasi *w);
void sw_wasi_sink(const sw_wasi *w, unsigned stream, sw_bytes bytes);

/* Files and sockets that the guests of several contexts of one thread have open, together: so that
 * they do not take the descriptors that others need. */
typedef struct sw_wasi_descriptors {
    uint32_t limit;
    sw_counter open, refused;
} sw_wasi_descriptors;

/* What guests open from now on counts there; borrowed. WASI 0.2 only. */
void sw_wasi_share_descriptors(sw_wasi *w, sw_wasi_descriptors *shared);

/* Calls the denial function, if there is one. */
void sw_wasi_deny(sw_wasi *w, const char *option, const char *fmt, ...) SW_PRINTF(3, 4);

/* ---- What the faces build on ----------------------------------------------------------------- */

/* A directory the guest starts from. The last one may be the empty root: it stands for "/" when
 * no grant does, has fd -1, holds nothing, and turns each attempt to reach further into a denial
 * that can be explained. */
typedef struct sw_preopen {
    int fd; /* owned by the context; -1: the empty root */
    bool is_read_only;
    sw_str guest;
    sw_str host; /* as it was granted; empty for the empty root */
} sw_preopen;

sw_store *sw_wasi_store(const sw_wasi *w);
const sw_preopen *sw_wasi_preopens(const sw_wasi *w, size_t *ret_count);
const sw_str *sw_wasi_env(const sw_wasi *w, size_t *ret_count); /* "NAME=VALUE" */
const sw_str *sw_wasi_args(const sw_wasi *w, size_t *ret_count);
const sw_grant_http *sw_wasi_http_grants(const sw_wasi *w, size_t *ret_count);
const sw_grant_net *sw_wasi_net_grants(const sw_wasi *w, size_t *ret_count);
int sw_wasi_stdio(const sw_wasi *w, unsigned stream); /* 0 to 2; -1: closed */
bool sw_wasi_raises_sigpipe(const sw_wasi *w);        /* as in the grants: for standard streams */

/* Before a descriptor is opened for a guest: false if there are enough. Then that it was, and that
 * it was closed. */
bool sw_wasi_may_open(const sw_wasi *w);
void sw_wasi_opened(const sw_wasi *w);
void sw_wasi_closed(const sw_wasi *w);

/*
 * The two refusals of the file system. Both report a denial and return the errno to give the guest.
 * sw_wasi_check_write: 0 when the directory is writable, else EROFS. sw_wasi_refuse_reach: for a
 * path under the empty root, ENOENT (nothing is there: programs that probe for an optional file go
 * on) or, if wants_write, EACCES.
 * `action` is a verb phrase: "open", "remove directory".
 */
SW_NODISCARD int sw_wasi_check_write(sw_wasi *w, const sw_preopen *root, const char *action,
                                     sw_str path);
SW_NODISCARD int sw_wasi_refuse_reach(sw_wasi *w, const char *action, sw_str path,
                                      bool wants_write);

/* After an operation of core/fs.h gave EPERM for a path: it, or a link in it, leads out. */
void sw_wasi_report_escape(sw_wasi *w, const sw_preopen *root, const char *action, sw_str path);

/* ---- Faces ----------------------------------------------------------------------------------- */

/*
 * WASI 0.1 (and 0.0) for one core instance. sw_p1_find gives the host function for an import, or
 * SW_NOT_FOUND. After instantiation the instance's exported memory is set; until then functions
 * that need memory report a fault to the guest.
 */
typedef struct sw_p1 sw_p1;
SW_NODISCARD sw_status sw_p1_new(sw_wasi *w, sw_p1 **ret_p1);
void sw_p1_free(sw_p1 *p);
SW_NODISCARD sw_status sw_p1_find(sw_p1 *p, sw_str module, sw_str name, sw_extern *ret_extern);
void sw_p1_set_memory(sw_p1 *p, const sw_memory_object *memory);

/* What the HTTP room keeps in a context: NULL at first. free (may be NULL) is called with the
 * context's end, after all of its resources are gone, or when something else is set. */
void *sw_wasi_http(const sw_wasi *w);
void sw_wasi_set_http(sw_wasi *w, void *http, void (*free)(void *http));
/* And who watches it there; borrowed. */
const void *sw_wasi_http_watcher(const sw_wasi *w);
void sw_wasi_set_http_watcher(sw_wasi *w, const void *watcher);

/* What core/names.h keeps in a context: NULL at first. free (may be NULL) is called with the
 * context's end, after what the HTTP room keeps is gone. */
struct sw_names *sw_wasi_names(const sw_wasi *w);
void sw_wasi_set_names(sw_wasi *w, struct sw_names *names, void (*free)(void *names));

/* WASI 0.2 for components: the interfaces' env is the sw_wasi. Its resources live in a table that
 * the context keeps: made by the face when it is first needed, freed with the context. */
typedef struct sw_p2 sw_p2;
sw_p2 **sw_wasi_p2(sw_wasi *w);
void sw_p2_free(sw_p2 *p); /* p may be NULL */
SW_NODISCARD sw_status sw_wasi_define_p2(sw_linker *l, sw_diag *diag);
/* wasi:sockets, apart: it looks names up, which not every program can. */
SW_NODISCARD sw_status sw_wasi_define_sockets(sw_linker *l, sw_diag *diag);
