/* WASI 0.2: wasi:cli and wasi:random. */
#include "os/clock.h"
#include "os/random.h"
#include "wasi/p2/p2.h"
#include "wasi_cli_environment.h"
#include "wasi_cli_exit.h"
#include "wasi_cli_stderr.h"
#include "wasi_cli_stdin.h"
#include "wasi_cli_stdout.h"
#include "wasi_cli_terminal_input.h"
#include "wasi_cli_terminal_output.h"
#include "wasi_cli_terminal_stderr.h"
#include "wasi_cli_terminal_stdin.h"
#include "wasi_cli_terminal_stdout.h"
#include "wasi_random_insecure.h"
#include "wasi_random_insecure_seed.h"
#include "wasi_random_random.h"

#include <unistd.h>

/* ---- Environment ----------------------------------------------------------------------------- */

sw_trap sw_wasi_cli_environment_get_environment(sw_host_call *call,
                                                sw_wasi_cli_environment_get_environment_result *ret)
{
    size_t count;
    const sw_str *env = sw_wasi_env(call->env, &count);
    ret->ptr = SW_NEW_ARRAY(call->arena, sw_wit_tuple2_string_string, count);
    ret->len = count;
    if (ret->ptr == NULL) {
        return sw_p2_no_memory(call);
    }
    for (size_t i = 0; i < count; i++) {
        size_t at = sw_str_find(env[i], '=');
        size_t value = SW_MIN(at + 1, env[i].len);
        ret->ptr[i].f0 = sw_str_slice(env[i], 0, at);
        ret->ptr[i].f1 = sw_str_slice(env[i], value, env[i].len - value);
    }
    return SW_TRAP_NONE;
}

sw_trap sw_wasi_cli_environment_get_arguments(sw_host_call *call,
                                              sw_wasi_cli_environment_get_arguments_result *ret)
{
    size_t count;
    const sw_str *args = sw_wasi_args(call->env, &count);
    ret->ptr = SW_NEW_ARRAY(call->arena, sw_str, count);
    ret->len = count;
    if (ret->ptr == NULL) {
        return sw_p2_no_memory(call);
    }
    for (size_t i = 0; i < count; i++) {
        ret->ptr[i] = args[i];
    }
    return SW_TRAP_NONE;
}

/* Guests start nowhere in particular: relative paths are their libraries' business. */
sw_trap sw_wasi_cli_environment_initial_cwd(sw_host_call *call,
                                            sw_wasi_cli_environment_initial_cwd_result *ret)
{
    (void)call;
    ret->is_some = false;
    return SW_TRAP_NONE;
}

/* ---- Exit ------------------------------------------------------------------------------------ */

sw_trap sw_wasi_cli_exit_exit(sw_host_call *call, const sw_wasi_cli_exit_exit_params *params)
{
    sw_store_set_exit(call->store, params->status.is_err ? 1 : 0);
    return SW_TRAP_EXIT;
}

sw_trap sw_wasi_cli_exit_exit_with_code(sw_host_call *call,
                                        const sw_wasi_cli_exit_exit_with_code_params *params)
{
    sw_store_set_exit(call->store, params->status_code);
    return SW_TRAP_EXIT;
}

/* ---- Standard streams ------------------------------------------------------------------------ */

static sw_trap standard_stream(sw_host_call *call, unsigned stream, p2_object object,
                               uint32_t *ret_rep)
{
    sw_p2 *p;
    P2_TRY(sw_p2_of(call->env, &p));
    if (stream != 0 && sw_wasi_has_sink(call->env)) {
        P2_TRY(sw_p2_sink_io(p, call->env, stream, &object.io));
        return sw_p2_add_output(p, object.io, ret_rep);
    }
    P2_TRY(sw_p2_file_new(p, sw_wasi_stdio(call->env, stream), false, &object.file));
    object.file->is_silent &= !sw_wasi_raises_sigpipe(call->env);
    return sw_p2_add(p, &object, ret_rep);
}

sw_trap sw_wasi_cli_stdin_get_stdin(sw_host_call *call, sw_wasi_cli_stdin_get_stdin_result *ret)
{
    return standard_stream(call, 0, (p2_object){.kind = P2_INPUT_STREAM}, ret);
}

sw_trap sw_wasi_cli_stdout_get_stdout(sw_host_call *call, sw_wasi_cli_stdout_get_stdout_result *ret)
{
    return standard_stream(call, 1, (p2_object){.kind = P2_OUTPUT_STREAM}, ret);
}

sw_trap sw_wasi_cli_stderr_get_stderr(sw_host_call *call, sw_wasi_cli_stderr_get_stderr_result *ret)
{
    return standard_stream(call, 2, (p2_object){.kind = P2_OUTPUT_STREAM}, ret);
}

static sw_trap terminal(sw_host_call *call, unsigned stream, sw_wit_option_handle *ret)
{
    sw_p2 *p;
    int fd = sw_wasi_stdio(call->env, stream);
    ret->is_some = fd >= 0 && isatty(fd) == 1;
    if (!ret->is_some) {
        return SW_TRAP_NONE;
    }
    P2_TRY(sw_p2_of(call->env, &p));
    return sw_p2_add(p, &(p2_object){.kind = P2_TERMINAL}, &ret->value);
}

sw_trap sw_wasi_cli_terminal_stdin_get_terminal_stdin(
    sw_host_call *call, sw_wasi_cli_terminal_stdin_get_terminal_stdin_result *ret)
{
    return terminal(call, 0, ret);
}

sw_trap sw_wasi_cli_terminal_stdout_get_terminal_stdout(
    sw_host_call *call, sw_wasi_cli_terminal_stdout_get_terminal_stdout_result *ret)
{
    return terminal(call, 1, ret);
}

sw_trap sw_wasi_cli_terminal_stderr_get_terminal_stderr(
    sw_host_call *call, sw_wasi_cli_terminal_stderr_get_terminal_stderr_result *ret)
{
    return terminal(call, 2, ret);
}

void sw_wasi_cli_terminal_input_terminal_input_drop(void *env, uint32_t rep)
{
    sw_p2_drop(env, rep, P2_TERMINAL);
}

void sw_wasi_cli_terminal_output_terminal_output_drop(void *env, uint32_t rep)
{
    sw_p2_drop(env, rep, P2_TERMINAL);
}

/* ---- Randomness ------------------------------------------------------------------------------ */

enum { RANDOM_STEP_BYTES = 1 << 20 }; /* between looks at the deadline */

static sw_trap fill_random(sw_host_call *call, void *to, uint64_t len)
{
    uint64_t deadline = sw_store_deadline(call->store);
    for (uint64_t at = 0; at < len; at += RANDOM_STEP_BYTES) {
        size_t step = (size_t)SW_MIN(len - at, (uint64_t)RANDOM_STEP_BYTES);
        if (sw_random_fill((uint8_t *)to + at, step) != SW_OK) {
            sw_store_explain_trap(call->store, "the system gives no random numbers");
            return SW_TRAP_HOST;
        }
        if (deadline != 0 && deadline <= sw_clock_monotonic_ns()) {
            return SW_TRAP_DEADLINE;
        }
    }
    return SW_TRAP_NONE;
}

static sw_trap random_bytes(sw_host_call *call, uint64_t len, sw_wit_list_u8 *ret)
{
    P2_TRY(sw_p2_bytes(call, len, &ret->ptr));
    ret->len = (size_t)len;
    return fill_random(call, ret->ptr, len);
}

sw_trap sw_wasi_random_random_get_random_bytes(
    sw_host_call *call, const sw_wasi_random_random_get_random_bytes_params *params,
    sw_wasi_random_random_get_random_bytes_result *ret)
{
    return random_bytes(call, params->len, ret);
}

sw_trap sw_wasi_random_random_get_random_u64(sw_host_call *call,
                                             sw_wasi_random_random_get_random_u64_result *ret)
{
    return fill_random(call, ret, sizeof *ret);
}

/* The same source: the interface only promises less. */
sw_trap sw_wasi_random_insecure_get_insecure_random_bytes(
    sw_host_call *call, const sw_wasi_random_insecure_get_insecure_random_bytes_params *params,
    sw_wasi_random_insecure_get_insecure_random_bytes_result *ret)
{
    return random_bytes(call, params->len, ret);
}

sw_trap sw_wasi_random_insecure_get_insecure_random_u64(
    sw_host_call *call, sw_wasi_random_insecure_get_insecure_random_u64_result *ret)
{
    return fill_random(call, ret, sizeof *ret);
}

sw_trap sw_wasi_random_insecure_seed_insecure_seed(
    sw_host_call *call, sw_wasi_random_insecure_seed_insecure_seed_result *ret)
{
    return fill_random(call, ret, sizeof *ret);
}
