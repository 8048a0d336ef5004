/*
 * A handler over wasi:filesystem, in the first directory that it has:
 *
 *     /read/NAME     what the file holds
 *     /write/NAME    makes it, with "written" in it
 *
 * An error is answered by 500 and its number, no directory by 404.
 */
#include "http.h"

#define FILES(item) IMPORT("wasi:filesystem/types@0.2.12", item)

IMPORT("wasi:filesystem/preopens@0.2.12", "get-directories")
void get_directories(uint32_t *ret /* list of: descriptor, name */);
FILES("[method]descriptor.open-at")
void file_open(handle self, int32_t path_flags, const char *path, uint32_t path_len,
               int32_t open_flags, int32_t flags, uint32_t *ret /* 0: ok, 4 */);
FILES("[method]descriptor.read")
void file_read(handle self, int64_t length, int64_t offset, uint32_t *ret /* 0: ok, 4: bytes */);
FILES("[method]descriptor.write")
void file_write(handle self, const char *bytes, uint32_t len, int64_t offset,
                uint64_t *ret /* 0: ok, 8 */);
FILES("[resource-drop]descriptor") void file_drop(handle self);

enum { FOLLOW = 1, CREATE = 1, READ = 1, WRITE = 2, MOST_BYTES = 65536 };

static bool first_directory(handle *ret_dir)
{
    uint32_t list[2] = {};
    get_directories(list);
    if (list[1] == 0) {
        return false;
    }
    *ret_dir = *(const handle *)list[0];
    return true;
}

static void fail(handle outparam, uint32_t code)
{
    answer(outparam, 500, number_text(code));
}

static void read_file(handle outparam, handle dir, text name)
{
    uint32_t opened[2] = {}, ret[4] = {};
    file_open(dir, FOLLOW, name.ptr, name.len, 0, READ, opened);
    if ((opened[0] & 0xff) != 0) {
        fail(outparam, opened[1] & 0xff);
        return;
    }
    file_read((handle)opened[1], MOST_BYTES, 0, ret);
    if ((ret[0] & 0xff) != 0) {
        fail(outparam, ret[1] & 0xff);
        return;
    }
    answer(outparam, 200, (text){(const char *)ret[1], ret[2]});
    file_drop((handle)opened[1]);
}

static void write_file(handle outparam, handle dir, text name)
{
    uint32_t opened[2] = {};
    uint64_t ret[2] = {};
    file_open(dir, FOLLOW, name.ptr, name.len, CREATE, WRITE, opened);
    if ((opened[0] & 0xff) != 0) {
        fail(outparam, opened[1] & 0xff);
        return;
    }
    file_write((handle)opened[1], "written", 7, 0, ret);
    file_drop((handle)opened[1]);
    answer(outparam, (ret[0] & 0xff) == 0 ? 200 : 500, TEXT("done"));
}

EXPORT_HANDLE void handle_request(handle request, handle outparam)
{
    handle dir;
    text path = path_of(request);
    if (!first_directory(&dir)) {
        answer(outparam, 404, TEXT("no directory"));
    } else if (text_starts(path, TEXT("/read/"))) {
        read_file(outparam, dir, text_from(path, 6));
    } else if (text_starts(path, TEXT("/write/"))) {
        write_file(outparam, dir, text_from(path, 7));
    } else {
        answer(outparam, 404, TEXT("no such path"));
    }
}
