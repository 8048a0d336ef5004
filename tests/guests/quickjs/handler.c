/*
 * A handler of HTTP whose answers a script gives: QuickJS, embedded in C, with an engine of its own
 * for each request. What the script (handler.js, a C string by the name of SCRIPT here) sees:
 *
 *     path           the request's path, a string
 *     read()         the next bytes of its body as a Uint8Array, null at the end
 *     respond(n)     the answer begins, with this status
 *     write(bytes)   more of it: a Uint8Array or a string
 */
#include <quickjs.h>
#include <stdlib.h>
#include <string.h>

#define GUEST_USES_LIBC 1
#include "../http/http.h"

static const char SCRIPT[] = {
#embed "handler.js"
    , '\0'};

static struct {
    handle in, out, out_body, outparam;
} now;

__attribute__((export_name("cabi_realloc"))) void *cabi_realloc(void *old, uint32_t old_bytes,
                                                                uint32_t align, uint32_t bytes)
{
    (void)old_bytes;
    (void)align;
    void *p = realloc(old, bytes == 0 ? 1 : bytes);
    if (p == NULL) {
        __builtin_trap();
    }
    return p;
}

static JSValue do_read(JSContext *js, JSValueConst self, int count, JSValueConst *arguments)
{
    bool failed = false;
    (void)self, (void)count, (void)arguments;
    text piece = read_some(now.in, 65536, &failed);
    if (piece.len == 0) {
        return JS_NULL;
    }
    JSValue buffer = JS_NewArrayBufferCopy(js, (const uint8_t *)piece.ptr, piece.len);
    free((void *)(uintptr_t)piece.ptr);
    JSValue whole[] = {buffer, JS_UNDEFINED, JS_UNDEFINED};
    JSValue bytes = JS_NewTypedArray(js, 3, whole, JS_TYPED_ARRAY_UINT8);
    JS_FreeValue(js, buffer);
    return bytes;
}

static JSValue do_respond(JSContext *js, JSValueConst self, int count, JSValueConst *arguments)
{
    int32_t status = 200;
    (void)self;
    if (count > 0 && JS_ToInt32(js, &status, arguments[0]) != 0) {
        return JS_EXCEPTION;
    }
    now.out_body = respond_with(now.outparam, status, fields_new());
    now.out = stream_of(now.out_body);
    return JS_UNDEFINED;
}

static JSValue do_write(JSContext *js, JSValueConst self, int count, JSValueConst *arguments)
{
    size_t len = 0;
    (void)self;
    if (count < 1 || now.out == 0) {
        return JS_ThrowTypeError(js, "respond() comes before write(bytes)");
    }
    if (JS_IsString(arguments[0])) {
        const char *chars = JS_ToCStringLen(js, &len, arguments[0]);
        bool is_open = write_text(now.out, (text){chars, (uint32_t)len});
        JS_FreeCString(js, chars);
        return JS_NewBool(js, is_open);
    }
    size_t offset = 0;
    size_t all = 0;
    JSValue buffer = JS_GetTypedArrayBuffer(js, arguments[0], &offset, &len, NULL);
    if (JS_IsException(buffer)) {
        return buffer;
    }
    const uint8_t *bytes = JS_GetArrayBuffer(js, &all, buffer);
    bool is_open = write_text(now.out, (text){(const char *)bytes + offset, (uint32_t)len});
    JS_FreeValue(js, buffer);
    return JS_NewBool(js, is_open);
}

static void define(JSContext *js, text path)
{
    JSValue global = JS_GetGlobalObject(js);
    JS_SetPropertyStr(js, global, "path", JS_NewStringLen(js, path.ptr, path.len));
    JS_SetPropertyStr(js, global, "read", JS_NewCFunction(js, do_read, "read", 0));
    JS_SetPropertyStr(js, global, "respond", JS_NewCFunction(js, do_respond, "respond", 1));
    JS_SetPropertyStr(js, global, "write", JS_NewCFunction(js, do_write, "write", 1));
    JS_FreeValue(js, global);
}

/* What was thrown, on standard error; the answer, if there is none yet, is the server's. */
static void report(JSContext *js)
{
    const char *chars = JS_ToCString(js, JS_GetException(js));
    handle err = get_stderr();
    (void)write_text(err, (text){chars, (uint32_t)strlen(chars)});
    (void)write_text(err, TEXT("\n"));
    output_drop(err);
}

EXPORT_HANDLE void handle_request(handle request, handle outparam)
{
    uint32_t ret[2] = {};
    JSContext *js = JS_NewContext(JS_NewRuntime());
    now.outparam = outparam;
    define(js, path_of(request));
    request_consume(request, ret);
    handle in_body = (handle)ret[1];
    incoming_stream(in_body, ret);
    now.in = (handle)ret[1];
    bool failed = JS_IsException(JS_Eval(js, SCRIPT, sizeof SCRIPT - 1, "handler.js", 0));
    if (failed) {
        report(js);
    }
    input_drop(now.in);
    incoming_drop(in_body);
    if (now.out != 0) {
        output_drop(now.out);
        if (failed) {
            outgoing_drop(now.out_body);
        } else {
            finish_body(now.out_body);
        }
    }
}
