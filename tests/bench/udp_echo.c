// SPDX-License-Identifier: MIT OR Apache-2.0
// A UDP echo through the kernel's sockets, to be measured beside a reflector on AF_XDP.
//
//   udp_echo spin|sleep PORT
//
// spin: recvfrom() on a non-blocking socket in a loop; sleep: recvfrom() that blocks. Prints
// "listening" when it is ready; ends by a signal.
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static int echo(int fd, int flags)
{
	struct sockaddr_in from;
	char packet[2048];

	for (;;) {
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(fd, packet, sizeof(packet), flags, (void *)&from, &len);

		if (n >= 0)
			sendto(fd, packet, (size_t)n, 0, (void *)&from, len);
		else if (errno != EAGAIN && errno != EINTR && errno != ECONNREFUSED)
			return 1;
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in here = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	bool spin = argc == 3 && strcmp(argv[1], "spin") == 0;

	if (argc != 3 || (!spin && strcmp(argv[1], "sleep") != 0)) {
		fprintf(stderr, "usage: udp_echo spin|sleep PORT\n");
		return 2;
	}
	here.sin_port = htons((uint16_t)atoi(argv[2]));
	if (fd < 0 || bind(fd, (void *)&here, sizeof(here)) < 0) {
		perror("udp_echo");
		return 1;
	}
	puts("listening");
	fflush(stdout);
	return echo(fd, spin ? MSG_DONTWAIT : 0);
}
