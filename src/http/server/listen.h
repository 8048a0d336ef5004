/*
 * Listening sockets: addresses as text, and one socket for each worker on the same address
 * (SO_REUSEPORT), so that the kernel spreads connections and no two threads share a queue.
 */
#pragma once

#include "base/status.h"

#include <sys/socket.h>

enum { SW_LISTEN_TEXT_BYTES = 64 };

typedef struct sw_address {
    struct sockaddr_storage storage;
    socklen_t len;
} sw_address;

/* "127.0.0.1:8080", "[::1]:0", "localhost:80", "*:80" (every address). SW_ARGUMENT. Names are not
 * looked up. */
SW_NODISCARD sw_status sw_address_read(const char *text, sw_diag *diag, sw_address *ret_address);

/* "127.0.0.1:8080" */
void sw_address_write(const sw_address *a, char out[SW_LISTEN_TEXT_BYTES]);
uint16_t sw_address_port(const sw_address *a);

/* `count` sockets on the address; a port of 0 becomes the chosen one in *a. SW_IO: also when
 * somebody else listens there already, though he would share. */
SW_NODISCARD sw_status sw_listen(sw_address *a, unsigned count, sw_diag *diag, int *ret_fds);

/* Checks that a descriptor from outside is a listening stream socket and makes it non-blocking. */
SW_NODISCARD sw_status sw_listen_adopt(int fd, sw_diag *diag, sw_address *ret_address);
