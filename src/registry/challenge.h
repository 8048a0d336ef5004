/* What a registry says when it wants to know who one is: the WWW-Authenticate field (RFC 9110). */
#pragma once

#include "base/arena.h"

typedef struct sw_challenge {
    bool has_basic, has_bearer;
    sw_str realm, service, scope; /* of Bearer; in the arena, with NULs after them */
} sw_challenge;

/* Unknown schemes and parameters are passed over, and what is malformed ends it. False: no memory.
 */
bool sw_challenge_parse(sw_str field, sw_arena *arena, sw_challenge *ret);
