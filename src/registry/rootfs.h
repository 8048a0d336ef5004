/*
 * The program in an image's root file system.
 *
 *     sw_rootfs r;
 *     sw_rootfs_init(&r, SW_STR("/app.wasm"));       "" : the one file that ends in .wasm
 *     sw_rootfs_layer(&r, layer, &diag) ...          from the lowest up
 *     sw_rootfs_finish(&r, &diag, &bytes)            borrowed from r
 *     sw_rootfs_clear(&r);
 *
 * Layers are tar archives (POSIX, GNU), plain or packed by gzip or zstd. Nothing is unpacked to
 * disk: an archive is read as a stream of which only the wanted file is kept, so a link leads
 * nowhere and a path cannot escape; an archive whose paths try to is refused all the same, and so
 * is a program that is a link. What a later layer removes is gone (whiteouts). What unpacks to more
 * than 200 times its size, or 4 GiB, is a bomb.
 */
#pragma once

#include "base/buf.h"

enum { SW_ROOTFS_PATH_MAX = 1024 };

typedef struct sw_rootfs {
    char wanted[SW_ROOTFS_PATH_MAX]; /* without the leading slash; "": any .wasm */
    char found[SW_ROOTFS_PATH_MAX];  /* the path of what is kept; "": nothing */
    sw_buf program;                  /* owned */
    uint32_t layer, found_layer;     /* counted from 1 */
    bool is_link;                    /* what is found is a link */
    bool is_ambiguous;               /* several .wasm files */
} sw_rootfs;

void sw_rootfs_init(sw_rootfs *r, sw_str entry);
void sw_rootfs_clear(sw_rootfs *r);
SW_NODISCARD sw_status sw_rootfs_layer(sw_rootfs *r, sw_bytes layer, sw_diag *diag);
SW_NODISCARD sw_status sw_rootfs_finish(sw_rootfs *r, sw_diag *diag, sw_bytes *ret_program);
