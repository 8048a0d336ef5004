/*
 * wasi:http 0.2 inside: what stands behind the handles.
 *
 *     fields               http_fields      a list, its own or a view of one in a message
 *     incoming-request     http_incoming    what came in an exchange: head, body, trailers
 *     incoming-response
 *     incoming-body
 *     future-trailers
 *     outgoing-request     http_outgoing    what a guest makes: head, body, trailers; an exchange
 *     outgoing-response                     once it is being sent
 *     outgoing-body
 *     response-outparam    http_incoming    of the request
 *     future-incoming-response              of the response that is awaited
 *
 * An http_incoming stands for its exchange: who uses the exchange has a reference to it. Both are
 * counted, so that handles may be dropped in any order.
 */
#pragma once

#include "http/exchange.h"
#include "http/p2/p2.h"
#include "wasi/core/pipe.h"
#include "wasi/p2/p2.h"
#include "wasi_http_types.h"

/* A function of wasi:http/types, as its header has it. */
#define HTTP_FN(name)                                                                   \
    sw_trap sw_wasi_http_types_##name(sw_host_call *call,                               \
                                      const sw_wasi_http_types_##name##_params *params, \
                                      sw_wasi_http_types_##name##_result *ret)
#define HTTP_DROP(name, type)                                      \
    void sw_wasi_http_types_##name##_drop(void *env, uint32_t rep) \
    {                                                              \
        sw_p2_drop_other(env, rep, &(type));                       \
    }

typedef sw_wasi_http_types_error_code_t http_error_code;

enum { HTTP_FIELDS_MAX = 1024, HTTP_FIELDS_MAX_BYTES = 128 * 1024, HTTP_EARLY_BYTES = 64 * 1024 };

/* ---- Messages -------------------------------------------------------------------------------- */

typedef struct http_incoming {
    uint32_t references;
    sw_exchange *x;
    sw_p2 *p2;
    bool is_response;
    bool has_body;     /* consume has been called */
    bool has_stream;   /* its stream has been taken */
    bool has_answer;   /* outparam: set; future: got */
    bool has_trailers; /* got */
    bool is_discarded; /* what is left of the body is not wanted */
    sw_p2_io body;     /* the stream; has a reference to this while it is referred to itself */
    sw_p2_io answered; /* a response's arrival */
    sw_source arrival;
} http_incoming;

typedef struct http_outgoing {
    uint32_t references;
    sw_p2 *p2;
    bool is_response;
    bool has_path, has_scheme, has_authority;
    bool has_body, has_stream, is_finished, is_broken;
    uint8_t scheme;       /* the variant's tag */
    sw_http_head head;    /* the guest's; a copy is sent */
    uint64_t length;      /* that was promised, or SW_HTTP_LENGTH_UNKNOWN */
    uint64_t written;     /* body bytes */
    sw_pipe early;        /* body bytes from before it was sent */
    bool has_early;       /* the pipe is initialised */
    http_incoming *other; /* a reference: the exchange that it is sent in; NULL: not sent */
    sw_p2_io body;        /* the stream; as in http_incoming */
    sw_source writable;
    sw_http_fields trailers;
} http_outgoing;

http_incoming *http_incoming_ref(http_incoming *in);
void http_incoming_unref(http_incoming *in); /* in may be NULL */
/* Takes the exchange over, also when it fails. */
SW_NODISCARD sw_trap http_incoming_new(sw_p2 *p, sw_exchange *x, bool is_response,
                                       http_incoming **ret_in);
sw_http_fields *http_incoming_fields(http_incoming *in);
/* Fields of the connection are the host's business. */
void http_remove_forbidden(sw_http_fields *fields);

http_outgoing *http_outgoing_ref(http_outgoing *out);
void http_outgoing_unref(http_outgoing *out);
/* Takes the fields, a representation; 0 for none. */
SW_NODISCARD sw_trap http_outgoing_new(sw_host_call *call, uint32_t fields, bool is_response,
                                       http_outgoing **ret_out);
/* The guest is sending it in this exchange, whose head has been filled from it. Moves what was
 * written of the body; finishes it if the guest has. May wait. */
SW_NODISCARD sw_trap http_outgoing_attach(sw_host_call *call, http_outgoing *out,
                                          http_incoming *in);

extern const sw_p2_type HTTP_INCOMING_REQUEST, HTTP_INCOMING_RESPONSE, HTTP_INCOMING_BODY,
    HTTP_FUTURE_TRAILERS, HTTP_OUTGOING_REQUEST, HTTP_OUTGOING_RESPONSE, HTTP_OUTGOING_BODY,
    HTTP_OUTPARAM, HTTP_FUTURE_RESPONSE;

/* ---- Fields ---------------------------------------------------------------------------------- */

typedef struct http_fields {
    sw_http_fields *list; /* `own`, or in a message that has a reference */
    sw_http_fields own;
    bool is_immutable;
    http_incoming *in;
    http_outgoing *out;
} http_fields;

extern const sw_p2_type HTTP_FIELDS;

/* A view of a message's list; a reference to one of the messages is taken. */
SW_NODISCARD sw_trap http_fields_view(sw_p2 *p, sw_http_fields *list, http_incoming *in,
                                      http_outgoing *out, uint32_t *ret_rep);
/* For a function that was given fields: moves or copies the list to `to`, which is initialised and
 * empty. */
SW_NODISCARD sw_trap http_fields_take(sw_host_call *call, uint32_t rep, sw_http_fields *to);

/* ---- Request options ------------------------------------------------------------------------- */

typedef struct http_options {
    sw_wit_option_u64 connect, first_byte, between_bytes; /* ns */
} http_options;

extern const sw_p2_type HTTP_OPTIONS;

/* ---- Errors ---------------------------------------------------------------------------------- */

/* Describes the failure code of a body's pipe; names wasi:http as the owner of the code. */
const char *http_describe_error(uint32_t code);
/* Without what its case may have to say more. */
http_error_code http_error_code_of(uint32_t code);

SW_NODISCARD sw_trap http_no_memory(sw_host_call *call);
