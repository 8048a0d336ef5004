/* The smallest handler: one constant response. What requests per second are measured with. */
#include "http.h"

EXPORT_HANDLE void handle_request(handle request, handle outparam)
{
    (void)request;
    handle body = respond_with(outparam, 200, fields_new());
    handle out = stream_of(body);
    (void)write_text(out, TEXT("hello, world\n"));
    output_drop(out);
    finish_body(body);
}
