#define _GNU_SOURCE
#include "packet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int lobstack_packet_socket(const char *interface, uint8_t *address) {
  // Protocol 0 until bound, so that no frame of another interface gets into the queue.
  int descriptor = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -1;
  struct sockaddr_ll place = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
  if (interface != NULL && (place.sll_ifindex = (int)if_nametoindex(interface)) == 0) goto failed;
  if (bind(descriptor, (struct sockaddr *)&place, sizeof(place)) != 0) goto failed;
  if (interface != NULL && address != NULL) {
    socklen_t length = sizeof(place);
    if (getsockname(descriptor, (struct sockaddr *)&place, &length) != 0) goto failed;
    memcpy(address, place.sll_addr, 6);
  }
  return descriptor;
failed:;
  int error = errno;
  close(descriptor);
  errno = error;
  return -1;
}

ssize_t lobstack_receive_packet(int socket, uint8_t *buffer, size_t length, int *outgoing) {
  struct sockaddr_ll source;
  socklen_t size = sizeof(source);
  ssize_t count = recvfrom(socket, buffer, length, MSG_DONTWAIT, (struct sockaddr *)&source, &size);
  *outgoing = count >= 0 && source.sll_pkttype == PACKET_OUTGOING;
  return count;
}
