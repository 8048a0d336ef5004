/* What the guests share: a failed operation is one line on stdout, "<what>: <ERRNO NAME>", so that
 * a test can compare the whole output and does not depend on a C library's wording. */
#pragma once

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline const char *guest_errno_name(int number)
{
    static const struct {
        int number;
        const char *name;
    } names[] = {
        {EACCES,       "EACCES"      },
        {EBADF,        "EBADF"       },
        {EEXIST,       "EEXIST"      },
        {EINVAL,       "EINVAL"      },
        {EIO,          "EIO"         },
        {EISDIR,       "EISDIR"      },
        {ELOOP,        "ELOOP"       },
        {ENAMETOOLONG, "ENAMETOOLONG"},
        {ENOENT,       "ENOENT"      },
        {ENOSYS,       "ENOSYS"      },
        {ENOTDIR,      "ENOTDIR"     },
        {ENOTEMPTY,    "ENOTEMPTY"   },
        {ENOTSUP,      "ENOTSUP"     },
        {ENOTCAPABLE,  "ENOTCAPABLE" },
        {EPERM,        "EPERM"       },
        {EROFS,        "EROFS"       },
        {ESPIPE,       "ESPIPE"      },
        {EXDEV,        "EXDEV"       },
        {ENOMEM,       "ENOMEM"      },
        {EFBIG,        "EFBIG"       },
        {EPIPE,        "EPIPE"       },
        {EILSEQ,       "EILSEQ"      },
        {ENOSPC,       "ENOSPC"      },
        {EBUSY,        "EBUSY"       },
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].number == number) {
            return names[i].name;
        }
    }
    return "another error";
}

/* Says what failed and ends the guest with exit code 1. */
static inline _Noreturn void guest_fail(const char *what)
{
    printf("%s: %s\n", what, guest_errno_name(errno));
    exit(1);
}
