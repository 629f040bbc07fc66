#ifndef LOBSTACK_PACKET_H
#define LOBSTACK_PACKET_H

#include <stdint.h>
#include <sys/types.h>

// A bound AF_PACKET socket (packet(7)) for whole Ethernet frames of every protocol, close-on-exec, of the calling thread's
// network namespace. interface NULL: every interface. Fills address (6 bytes) with the interface's own when both are given.
int lobstack_packet_socket(const char *interface, uint8_t *address);

// recv of one frame without waiting; *outgoing is 1 for a frame that this namespace sent itself.
ssize_t lobstack_receive_packet(int socket, uint8_t *buffer, size_t length, int *outgoing);

#endif
