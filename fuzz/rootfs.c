/*
 * Any bytes as layers of an image: refused with a message, or a program is found, the same one
 * however often they are read. The first byte says where the second layer begins.
 */
#include "registry/rootfs.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static sw_status read(sw_rootfs *fs, sw_bytes bytes, size_t cut, sw_bytes *ret)
{
    sw_diag diag = {};
    sw_status st = sw_rootfs_layer(fs, sw_bytes_slice(bytes, 0, cut), &diag);
    if (st == SW_OK && cut != bytes.len) {
        st = sw_rootfs_layer(fs, sw_bytes_slice(bytes, cut, bytes.len - cut), &diag);
    }
    st = st != SW_OK ? st : sw_rootfs_finish(fs, &diag, ret);
    check((st == SW_OK) == (diag.text[0] == '\0'));
    check(strstr(fs->found, "..") == NULL || strstr(fs->found, "/../") == NULL);
    check(fs->found[0] != '/');
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sw_rootfs one, two;
    sw_bytes a = {}, b = {};
    if (size == 0) {
        return 0;
    }
    sw_bytes bytes = {data + 1, size - 1};
    size_t cut = SW_MIN((size_t)data[0] * 512, bytes.len);
    cut = cut == 0 ? bytes.len : cut;
    sw_rootfs_init(&one, data[0] % 2 == 0 ? SW_STR("app.wasm") : SW_STR(""));
    sw_rootfs_init(&two, data[0] % 2 == 0 ? SW_STR("app.wasm") : SW_STR(""));
    sw_status st = read(&one, bytes, cut, &a), again = read(&two, bytes, cut, &b);
    check(st == again);
    check(st != SW_OK || (a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0)));
    sw_rootfs_clear(&one);
    sw_rootfs_clear(&two);
    return 0;
}
