/* Which words are references: apart from the registries, since the small program asks it, too. */
#include "api/api.h"

#include "registry/reference.h"

#include <swell/registry.h>

bool swell_is_reference(swell_str word)
{
    return sw_reference_looks(sw_api_str(word));
}
