/*
 * The admin address: a thread with one small loop that answers
 *
 *     /metrics   what the workers count, in Prometheus' text form
 *     /healthz   200 while the process lives
 *     /readyz    200 while requests are accepted, 503 once it was told to stop
 *
 * Apart from the addresses for guests' peers, so that it answers when those are full, and can be
 * kept from the world.
 */
#pragma once

#include "http/server.h"

typedef struct sw_admin sw_admin;

SW_NODISCARD sw_status sw_admin_new(sw_server *s, sw_diag *diag, sw_admin **ret_admin);
SW_NODISCARD sw_status sw_admin_start(sw_admin *a, sw_diag *diag);
void sw_admin_free(sw_admin *a); /* may be NULL */
const char *sw_admin_url(const sw_admin *a);
