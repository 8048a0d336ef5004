/* WASI 0.2: wasi:filesystem, what takes paths or reads directories; and the preopens. */
#include "base/utf8.h"
#include "wasi/p2/fs.h"
#include "wasi_filesystem_preopens.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#define FOLLOW SW_WASI_FILESYSTEM_TYPES_PATH_FLAGS_SYMLINK_FOLLOW

/* ---- Preopens -------------------------------------------------------------------------------- */

static sw_trap add_preopen(sw_p2 *p, const sw_preopen *root, uint32_t *ret_rep)
{
    p2_object d = {
        .kind = P2_DESCRIPTOR, .descriptor = {.root = root, .is_directory = true, .reads = true}
    };
    P2_TRY(sw_p2_file_new(p, root->fd, false, &d.file));
    return sw_p2_add(p, &d, ret_rep);
}

sw_trap sw_wasi_filesystem_preopens_get_directories(
    sw_host_call *call, sw_wasi_filesystem_preopens_get_directories_result *ret)
{
    sw_p2 *p;
    size_t count;
    const sw_preopen *roots = sw_wasi_preopens(call->env, &count);
    P2_TRY(sw_p2_of(call->env, &p));
    ret->ptr = SW_NEW_ARRAY(call->arena, sw_wit_tuple2_handle_string, count);
    ret->len = count;
    if (ret->ptr == NULL) {
        return sw_p2_no_memory(call);
    }
    for (size_t i = 0; i < count; i++) {
        ret->ptr[i].f1 = roots[i].guest;
        P2_TRY(add_preopen(p, &roots[i], &ret->ptr[i].f0));
    }
    return SW_TRAP_NONE;
}

/* ---- Places ---------------------------------------------------------------------------------- */

/* What is about to be done to a path: decides who may do it, and words the denial. */
typedef struct intent {
    const char *action;
    bool writes;
} intent;

/* The directory that a path starts from, checked; *ret_err is 0 or an errno. */
static sw_trap get_place(sw_host_call *call, uint32_t rep, sw_str path, intent what,
                         p2_object **ret_dir, int *ret_err)
{
    P2_TRY(sw_p2_get_descriptor(call, rep, ret_dir));
    const p2_object *d = *ret_dir;
    *ret_err = 0;
    if (!d->descriptor.is_directory) {
        *ret_err = ENOTDIR;
    } else if (d->file->fd < 0) {
        *ret_err = sw_wasi_refuse_reach(call->env, what.action, path, what.writes);
    } else if (what.writes) {
        *ret_err = sw_wasi_check_write(call->env, d->descriptor.root, what.action, path);
    }
    return SW_TRAP_NONE;
}

/* Reports a path that leads out; returns the errno it was given. */
static int escaping(sw_host_call *call, const p2_object *dir, const char *action, sw_str path,
                    int err)
{
    if (err == EPERM) {
        sw_wasi_report_escape(call->env, dir->descriptor.root, action, path);
    }
    return err;
}

/* "." of the empty root is the one thing in it that can be looked at. */
static bool is_empty_root_itself(const p2_object *d, sw_str path)
{
    return d->descriptor.is_directory && d->file->fd < 0 &&
           (sw_str_eq(path, SW_STR(".")) || sw_str_eq(path, SW_STR("./")));
}

/* ---- Looking --------------------------------------------------------------------------------- */

static sw_trap stat_at(sw_host_call *call, uint32_t self, uint8_t flags, sw_str path,
                       struct stat *ret_stat, int *ret_err)
{
    p2_object *d;
    P2_TRY(sw_p2_get_descriptor(call, self, &d));
    if (is_empty_root_itself(d, path)) {
        *ret_err = sw_p2_stat(d, ret_stat);
        return SW_TRAP_NONE;
    }
    P2_TRY(get_place(call, self, path, (intent){"look at", false}, &d, ret_err));
    if (*ret_err == 0) {
        *ret_err = escaping(call, d, "look at", path,
                            sw_fs_stat(d->file->fd, path, (flags & FOLLOW) != 0, ret_stat));
    }
    return SW_TRAP_NONE;
}

sw_trap sw_wasi_filesystem_types_descriptor_stat_at(
    sw_host_call *call, const sw_wasi_filesystem_types_descriptor_stat_at_params *params,
    sw_wasi_filesystem_types_descriptor_stat_at_result *ret)
{
    struct stat st;
    int err;
    P2_TRY(stat_at(call, params->self, params->path_flags, params->path, &st, &err));
    P2_FINISH(err, ret);
    ret->ok = sw_p2_stat_of(&st);
    return SW_TRAP_NONE;
}

sw_trap sw_wasi_filesystem_types_descriptor_metadata_hash_at(
    sw_host_call *call, const sw_wasi_filesystem_types_descriptor_metadata_hash_at_params *params,
    sw_wasi_filesystem_types_descriptor_metadata_hash_at_result *ret)
{
    struct stat st;
    int err;
    P2_TRY(stat_at(call, params->self, params->path_flags, params->path, &st, &err));
    P2_FINISH(err, ret);
    ret->ok = sw_p2_hash_of(&st);
    return SW_TRAP_NONE;
}

sw_trap sw_wasi_filesystem_types_descriptor_readlink_at(
    sw_host_call *call, const sw_wasi_filesystem_types_descriptor_readlink_at_params *params,
    sw_wasi_filesystem_types_descriptor_readlink_at_result *ret)
{
    p2_object *d;
    int err;
    char target[PATH_MAX];
    size_t len = 0;
    P2_TRY(get_place(call, params->self, params->path, (intent){"read link", false}, &d, &err));
    if (err == 0) {
        err = sw_fs_readlink(d->file->fd, params->path, target, sizeof target, &len);
    }
    if (err == 0 && !sw_utf8_valid((sw_bytes){(const uint8_t *)target, len})) {
        err = EILSEQ;
    }
    P2_FINISH(err, ret);
    ret->ok = sw_arena_str(call->arena, (sw_str){target, len});
    return ret->ok.ptr == NULL ? sw_p2_no_memory(call) : SW_TRAP_NONE;
}

/* ---- Changing -------------------------------------------------------------------------------- */

sw_trap sw_wasi_filesystem_types_descriptor_set_times_at(
    sw_host_call *call, const sw_wasi_filesystem_types_descriptor_set_times_at_params *params,
    sw_wasi_filesystem_types_descriptor_set_times_at_result *ret)
{
    p2_object *d;
    int err;
    struct timespec times[2];
    P2_TRY(get_place(call, params->self, params->path, (intent){"set times of", true}, &d, &err));
    if (err == 0) {
        err = sw_p2_times_from(&params->data_access_timestamp, &params->data_modification_timestamp,
                               times);
    }
    if (err == 0) {
        err = sw_fs_set_times(d->file->fd, params->path, (params->path_flags & FOLLOW) != 0, times);
    }
    P2_FINISH(err, ret);
    return SW_TRAP_NONE;
}

/* The three operations on a name alone have one shape. */
static sw_trap change_name(sw_host_call *call, uint32_t self, sw_str path, const char *action,
                           int (*operation)(int, sw_str),
                           sw_wit_result_none_wasi_filesystem_types_error_code *ret)
{
    p2_object *d;
    int err;
    P2_TRY(get_place(call, self, path, (intent){action, true}, &d, &err));
    P2_FINISH(err != 0 ? err : operation(d->file->fd, path), ret);
    return SW_TRAP_NONE;
}

sw_trap sw_wasi_filesystem_types_descriptor_create_directory_at(
    sw_host_call *call,
    const sw_wasi_filesystem_types_descriptor_create_directory_at_params *params,
    sw_wasi_filesystem_types_descriptor_create_directory_at_result *ret)
{
    return change_name(call, params->self, params->path, "create directory", sw_fs_mkdir, ret);
}

sw_trap sw_wasi_filesystem_types_descriptor_remove_directory_at(
    sw_host_call *call,
    const sw_wasi_filesystem_types_descriptor_remove_directory_at_params *params,
    sw_wasi_filesystem_types_descriptor_remove_directory_at_result *ret)
{
    return change_name(call, params->self, params->path, "remove directory", sw_fs_rmdir, ret);
}

sw_trap sw_wasi_filesystem_types_descriptor_unlink_file_at(
    sw_host_call *call, const sw_wasi_filesystem_types_descriptor_unlink_file_at_params *params,
    sw_wasi_filesystem_types_descriptor_unlink_file_at_result *ret)
{
    return change_name(call, params->self, params->path, "remove", sw_fs_unlink, ret);
}

sw_trap sw_wasi_filesystem_types_descriptor_link_at(
    sw_host_call *call, const sw_wasi_filesystem_types_descriptor_link_at_params *params,
    sw_wasi_filesystem_types_descriptor_link_at_result *ret)
{
    p2_object *from;
    p2_object *to;
    int err;
    P2_TRY(get_place(call, params->self, params->old_path, (intent){"link", true}, &from, &err));
    P2_FINISH(err, ret);
    P2_TRY(get_place(call, params->new_descriptor, params->new_path, (intent){"create link", true},
                     &to, &err));
    P2_FINISH(err, ret);
    P2_FINISH((params->old_path_flags & FOLLOW) != 0 ? EINVAL : 0, ret);
    P2_FINISH(sw_fs_link(from->file->fd, params->old_path, to->file->fd, params->new_path), ret);
    return SW_TRAP_NONE;
}

sw_trap sw_wasi_filesystem_types_descriptor_rename_at(
    sw_host_call *call, const sw_wasi_filesystem_types_descriptor_rename_at_params *params,
    sw_wasi_filesystem_types_descriptor_rename_at_result *ret)
{
    p2_object *from;
    p2_object *to;
    int err;
    P2_TRY(get_place(call, params->self, params->old_path, (intent){"rename", true}, &from, &err));
    P2_FINISH(err, ret);
    P2_TRY(get_place(call, params->new_descriptor, params->new_path, (intent){"rename to", true},
                     &to, &err));
    P2_FINISH(err, ret);
    P2_FINISH(sw_fs_rename(from->file->fd, params->old_path, to->file->fd, params->new_path), ret);
    return SW_TRAP_NONE;
}

sw_trap sw_wasi_filesystem_types_descriptor_symlink_at(
    sw_host_call *call, const sw_wasi_filesystem_types_descriptor_symlink_at_params *params,
    sw_wasi_filesystem_types_descriptor_symlink_at_result *ret)
{
    p2_object *d;
    int err;
    P2_TRY(
        get_place(call, params->self, params->new_path, (intent){"create link", true}, &d, &err));
    P2_FINISH(err != 0 ? err : sw_fs_symlink(params->old_path, d->file->fd, params->new_path), ret);
    return SW_TRAP_NONE;
}

/* ---- Opening --------------------------------------------------------------------------------- */

typedef struct open_flags {
    bool is_directory, creates, is_exclusive, truncates;
    bool reads, writes, mutates;
    int host; /* for open(2) */
} open_flags;

static bool has(uint8_t flags, uint8_t flag)
{
    return (flags & flag) != 0;
}

static open_flags open_flags_of(const sw_wasi_filesystem_types_descriptor_open_at_params *params)
{
    uint8_t o = params->open_flags;
    uint8_t d = params->flags;
    open_flags f = {
        .is_directory = has(o, SW_WASI_FILESYSTEM_TYPES_OPEN_FLAGS_DIRECTORY),
        .creates = has(o, SW_WASI_FILESYSTEM_TYPES_OPEN_FLAGS_CREATE),
        .is_exclusive = has(o, SW_WASI_FILESYSTEM_TYPES_OPEN_FLAGS_EXCLUSIVE),
        .truncates = has(o, SW_WASI_FILESYSTEM_TYPES_OPEN_FLAGS_TRUNCATE),
        .reads = has(d, SW_WASI_FILESYSTEM_TYPES_DESCRIPTOR_FLAGS_READ),
        .writes = has(d, SW_WASI_FILESYSTEM_TYPES_DESCRIPTOR_FLAGS_WRITE),
        .mutates = has(d, SW_WASI_FILESYSTEM_TYPES_DESCRIPTOR_FLAGS_MUTATE_DIRECTORY),
    };
    f.reads = f.reads || !f.writes;
    f.host = f.writes ? (f.reads ? O_RDWR : O_WRONLY) : O_RDONLY;
    f.host |= f.is_directory ? O_DIRECTORY : 0;
    f.host |= f.creates ? O_CREAT : 0;
    f.host |= f.is_exclusive ? O_EXCL : 0;
    f.host |= f.truncates ? O_TRUNC : 0;
    f.host |= has(params->path_flags, FOLLOW) ? 0 : O_NOFOLLOW;
    if (has(d, SW_WASI_FILESYSTEM_TYPES_DESCRIPTOR_FLAGS_FILE_INTEGRITY_SYNC)) {
        f.host |= O_SYNC;
    } else if (has(d, SW_WASI_FILESYSTEM_TYPES_DESCRIPTOR_FLAGS_DATA_INTEGRITY_SYNC)) {
        f.host |= O_DSYNC;
    }
    return f;
}

static sw_trap add_opened(sw_host_call *call, const p2_object *dir, const open_flags *f, int fd,
                          uint32_t *ret_rep)
{
    sw_p2 *p;
    struct stat st;
    P2_TRY(sw_p2_of(call->env, &p));
    p2_object d = {
        .kind = P2_DESCRIPTOR,
        .descriptor = {.root = dir->descriptor.root, .reads = f->reads, .writes = f->writes}
    };
    d.descriptor.is_directory = fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
    P2_TRY(sw_p2_file_new(p, fd, true, &d.file));
    return sw_p2_add(p, &d, ret_rep);
}

sw_trap sw_wasi_filesystem_types_descriptor_open_at(
    sw_host_call *call, const sw_wasi_filesystem_types_descriptor_open_at_params *params,
    sw_wasi_filesystem_types_descriptor_open_at_result *ret)
{
    p2_object *dir;
    int err;
    int fd;
    open_flags f = open_flags_of(params);
    bool changes = f.writes || f.creates || f.truncates || f.mutates;
    intent what = {changes ? "open for writing" : "open for reading", changes};
    P2_TRY(get_place(call, params->self, params->path, what, &dir, &err));
    P2_FINISH(err, ret);
    P2_FINISH(f.is_directory && (f.creates || f.is_exclusive || f.truncates) ? EINVAL : 0, ret);
    P2_FINISH(sw_wasi_may_open(call->env) ? 0 : EMFILE, ret);
    err = sw_fs_open(dir->file->fd, params->path, f.host, 0666, &fd);
    P2_FINISH(escaping(call, dir, what.action, params->path, err), ret);
    return add_opened(call, dir, &f, fd, &ret->ok);
}

/* ---- Reading directories --------------------------------------------------------------------- */

static sw_trap add_entries(sw_host_call *call, int fd, uint32_t *ret_rep, int *ret_err)
{
    sw_p2 *p;
    P2_TRY(sw_p2_of(call->env, &p));
    p2_object e = {.kind = P2_DIRECTORY_ENTRIES};
    P2_TRY(sw_p2_file_new(p, fd, true, &e.file));
    e.entries.buffer = sw_alloc(p->budget, SW_DIR_BUFFER_BYTES);
    if (e.entries.buffer == NULL) {
        sw_p2_file_unref(p, e.file);
        return SW_TRAP_OUT_OF_HOST_MEMORY;
    }
    *ret_err = sw_dir_reader_init(&e.entries.reader, fd, e.entries.buffer, 0);
    if (*ret_err != 0) {
        sw_free(p->budget, e.entries.buffer, SW_DIR_BUFFER_BYTES);
        sw_p2_file_unref(p, e.file);
        return SW_TRAP_NONE;
    }
    return sw_p2_add(p, &e, ret_rep);
}

sw_trap sw_wasi_filesystem_types_descriptor_read_directory(
    sw_host_call *call, const sw_wasi_filesystem_types_descriptor_read_directory_params *params,
    sw_wasi_filesystem_types_descriptor_read_directory_result *ret)
{
    p2_object *d;
    int err;
    int fd;
    uint32_t rep;
    P2_TRY(get_place(call, params->self, SW_STR("."), (intent){"list", false}, &d, &err));
    P2_FINISH(err, ret);
    P2_FINISH(sw_wasi_may_open(call->env) ? 0 : EMFILE, ret);
    P2_FINISH(sw_fs_open(d->file->fd, SW_STR("."), O_RDONLY | O_DIRECTORY, 0, &fd), ret);
    P2_TRY(add_entries(call, fd, &rep, &err));
    P2_FINISH(err, ret);
    ret->ok = rep;
    return SW_TRAP_NONE;
}

/* Some file systems do not say the type; then the file is asked. */
static uint8_t entry_type(const p2_object *e, const sw_dirent *d)
{
    struct stat st;
    if (d->type != DT_UNKNOWN) {
        return sw_p2_type_of(DTTOIF(d->type));
    }
    return sw_fs_stat(e->file->fd, d->name, false, &st) == 0 ? sw_p2_type_of(st.st_mode)
                                                             : sw_p2_type_of(0);
}

sw_trap sw_wasi_filesystem_types_directory_entry_stream_read_directory_entry(
    sw_host_call *call,
    const sw_wasi_filesystem_types_directory_entry_stream_read_directory_entry_params *params,
    sw_wasi_filesystem_types_directory_entry_stream_read_directory_entry_result *ret)
{
    p2_object *e;
    sw_dirent d;
    bool end;
    P2_TRY(sw_p2_get(call, params->self, P2_DIRECTORY_ENTRIES, &e));
    do {
        P2_FINISH(sw_dir_reader_next(&e->entries.reader, &d, &end), ret);
    } while (!end && (sw_str_eq(d.name, SW_STR(".")) || sw_str_eq(d.name, SW_STR(".."))));
    ret->ok.is_some = !end;
    if (end) {
        return SW_TRAP_NONE;
    }
    P2_FINISH(sw_utf8_valid(sw_str_bytes(d.name)) ? 0 : EILSEQ, ret);
    ret->ok.value.type = entry_type(e, &d);
    ret->ok.value.name = sw_arena_str(call->arena, d.name);
    return ret->ok.value.name.ptr == NULL ? sw_p2_no_memory(call) : SW_TRAP_NONE;
}

void sw_wasi_filesystem_types_directory_entry_stream_drop(void *env, uint32_t rep)
{
    sw_p2_drop(env, rep, P2_DIRECTORY_ENTRIES);
}
