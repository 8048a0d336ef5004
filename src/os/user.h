/*
 * Who the process is: another user, no capabilities. For programs that are started with more rights
 * than they need.
 */
#pragma once

#include "base/status.h"

#include <sys/types.h>

enum { SW_USER_GROUPS_MAX = 64, SW_USER_NAME_BYTES = 64 };

typedef struct sw_user {
    uid_t uid;
    gid_t gid;
    gid_t groups[SW_USER_GROUPS_MAX]; /* supplementary ones */
    size_t groups_count;
    char name[SW_USER_NAME_BYTES]; /* for people */
} sw_user;

/* The account that owns nothing: nobody, 65534. It is not looked up, which would take longer than
 * all the rest. */
extern const sw_user SW_USER_NOBODY;

/* "NAME" with all of its groups, "NAME:GROUP" with this one only; both may be numbers, and a number
 * that is nobody's account needs its group. SW_NOT_FOUND, or SW_ARGUMENT. */
SW_NODISCARD sw_status sw_user_find(const char *text, sw_diag *diag, sw_user *ret_user);

/* All threads become the user, for good, and so do programs that they start. SW_DENIED without the
 * right to. A failure may come half way: the process should end. */
SW_NODISCARD sw_status sw_user_become(const sw_user *user, sw_diag *diag);

/* Gives up every capability of the calling thread, and the ways to get one back. A process that
 * had none is left as it is. */
SW_NODISCARD sw_status sw_capabilities_drop(sw_diag *diag);

/* Keeps only the capability to read any file, and the user. */
SW_NODISCARD sw_status sw_capabilities_keep_reading(sw_diag *diag);
