#include "os/user.h"

#include "base/memory.h"
#include "base/span.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NOBODY = 65534, RECORD_BYTES = 16384, CAPABILITIES_MAX = 64 };

const sw_user SW_USER_NOBODY = {.uid = NOBODY, .gid = NOBODY, .name = "nobody"};

/* ---- Finding --------------------------------------------------------------------------------- */

/* The highest number means "unchanged" to the system. */
static bool read_number(const char *text, uint32_t *ret)
{
    uint64_t value = 0;
    for (const char *c = text; *c != '\0'; c++) {
        if (*c < '0' || *c > '9' || value > UINT32_MAX) {
            return false;
        }
        value = value * 10 + (uint64_t)(*c - '0');
    }
    *ret = (uint32_t)value;
    return text[0] != '\0' && value < UINT32_MAX;
}

/* By name, then by number; false if there is no such account. */
static bool find_account(const char *name, struct passwd *account, char *space)
{
    struct passwd *found = NULL;
    uint32_t number;
    if (getpwnam_r(name, account, space, RECORD_BYTES, &found) == 0 && found != NULL) {
        return true;
    }
    return read_number(name, &number) &&
           getpwuid_r(number, account, space, RECORD_BYTES, &found) == 0 && found != NULL;
}

static bool find_group(const char *name, gid_t *ret_gid)
{
    char space[RECORD_BYTES];
    struct group record, *found = NULL;
    if (getgrnam_r(name, &record, space, sizeof space, &found) == 0 && found != NULL) {
        *ret_gid = record.gr_gid;
        return true;
    }
    return read_number(name, ret_gid);
}

static void take_groups(const struct passwd *account, sw_user *user)
{
    int count = SW_USER_GROUPS_MAX;
    if (getgrouplist(account->pw_name, account->pw_gid, user->groups, &count) < 0) {
        count = SW_USER_GROUPS_MAX; /* the first ones of more */
    }
    user->groups_count = (size_t)count;
}

sw_status sw_user_find(const char *text, sw_diag *diag, sw_user *ret_user)
{
    char space[RECORD_BYTES];
    struct passwd account;
    sw_user user = {};
    const char *colon = strchr(text, ':');
    int len = colon == NULL ? (int)strlen(text) : (int)(colon - text);
    if (len == 0 || len >= SW_USER_NAME_BYTES || (colon != NULL && colon[1] == '\0')) {
        return sw_fail(diag, SW_ARGUMENT, SW_NO_OFFSET, "'%s' is not NAME or NAME:GROUP", text);
    }
    (void)snprintf(user.name, sizeof user.name, "%.*s", len, text);
    bool is_known = find_account(user.name, &account, space);
    if (is_known) {
        user.uid = account.pw_uid;
        user.gid = account.pw_gid;
    } else if (!read_number(user.name, &user.uid) || colon == NULL) {
        return sw_fail(diag, SW_NOT_FOUND, SW_NO_OFFSET, "no user '%s'", user.name);
    }
    if (colon != NULL && !find_group(colon + 1, &user.gid)) {
        return sw_fail(diag, SW_NOT_FOUND, SW_NO_OFFSET, "no group '%s'", colon + 1);
    }
    if (colon == NULL) {
        take_groups(&account, &user);
    }
    *ret_user = user;
    return SW_OK;
}

/* ---- Becoming -------------------------------------------------------------------------------- */

static sw_status fail_errno(sw_diag *diag, const char *what)
{
    /* EINVAL: a number that a container does not have. */
    return sw_fail(diag, errno == EPERM || errno == EINVAL ? SW_DENIED : SW_IO, SW_NO_OFFSET,
                   "%s: %m", what);
}

/* What programs that it starts could have. Whoever may not change that has none to give. */
static void drop_bounds(void)
{
    for (unsigned long c = 0; c < CAPABILITIES_MAX; c++) {
        if (prctl(PR_CAPBSET_DROP, c, 0, 0, 0) != 0) {
            break;
        }
    }
}

sw_status sw_user_become(const sw_user *user, sw_diag *diag)
{
    drop_bounds();
    if (setgroups(user->groups_count, user->groups) != 0) {
        return fail_errno(diag, "setgroups");
    }
    if (setresgid(user->gid, user->gid, user->gid) != 0) {
        return fail_errno(diag, "setresgid");
    }
    if (setresuid(user->uid, user->uid, user->uid) != 0) {
        return fail_errno(diag, "setresuid");
    }
    uid_t uids[3];
    gid_t gids[3];
    if (getresuid(&uids[0], &uids[1], &uids[2]) != 0 ||
        getresgid(&gids[0], &gids[1], &gids[2]) != 0) {
        return fail_errno(diag, "user");
    }
    for (size_t i = 0; i < SW_COUNTOF(uids); i++) {
        if (uids[i] != user->uid || gids[i] != user->gid) {
            return sw_fail(diag, SW_IO, SW_NO_OFFSET, "the system did not change the user");
        }
    }
    return SW_OK;
}

/* ---- Capabilities ---------------------------------------------------------------------------- */

static sw_status set_capabilities(uint64_t kept, sw_diag *diag)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
    for (unsigned i = 0; i < SW_COUNTOF(data); i++) {
        data[i].effective = data[i].permitted = (uint32_t)(kept >> (32 * i));
    }
    return syscall(SYS_capset, &header, data) == 0 ? SW_OK : fail_errno(diag, "capset");
}

sw_status sw_capabilities_drop(sw_diag *diag)
{
    drop_bounds();
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    return set_capabilities(0, diag);
}

sw_status sw_capabilities_keep_reading(sw_diag *diag)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
    if (syscall(SYS_capget, &header, data) != 0) {
        return fail_errno(diag, "capget");
    }
    uint64_t had = data[0].permitted;
    return set_capabilities(had & (UINT64_C(1) << CAP_DAC_READ_SEARCH), diag);
}
