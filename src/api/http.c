/* wasi:http for linkers: apart, so that programs which do not ask for it do not carry it. */
#include "api/api.h"

#include "http/p2/p2.h"

swell_status swell_linker_define_http(swell_linker *linker, swell_error *error)
{
    sw_diag diag = {};
    return sw_api_result(sw_http_define_p2(linker->linker, &diag), &diag, error);
}
