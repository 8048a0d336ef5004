/* wasi:sockets for linkers: apart, so that programs which do not ask for it do not carry it. */
#include "api/api.h"

swell_status swell_linker_define_sockets(swell_linker *linker, swell_error *error)
{
    sw_diag diag = {};
    return sw_api_result(sw_wasi_define_sockets(linker->linker, &diag), &diag, error);
}
