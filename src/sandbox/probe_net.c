/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts at the network. None waits: a sandbox answers at once. */
#include "sandbox/probe_priv.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { IPPROTO_MPTCP_ = 262, MSG_FASTOPEN_ = 0x20000000, WAIT_SECONDS = 3 };

static int connects(int family, int type, int protocol, const void *to, socklen_t n)
{
	const struct timeval wait = {.tv_sec = WAIT_SECONDS};
	int fd = socket(family, type | SOCK_CLOEXEC, protocol);

	if (fd < 0) {
		return errno;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	return probe_result(connect(fd, to, n));
}

static struct sockaddr_in address(const char *ip, uint16_t port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};

	(void)inet_pton(AF_INET, ip, &at.sin_addr);
	return at;
}

static int connects4(const char *ip, uint16_t port)
{
	struct sockaddr_in to = address(ip, port);

	return connects(AF_INET, SOCK_STREAM, 0, &to, sizeof(to));
}

static uint16_t host_port(void)
{
	return (uint16_t)strtoul(probe_env(PROBE_PORT), NULL, 10);
}

int probe_host_loopback(void)
{
	return connects4("127.0.0.1", host_port());
}

int probe_internet4(void)
{
	return connects4("198.51.100.1", 443);
}

int probe_internet6(void)
{
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(443)};

	(void)inet_pton(AF_INET6, "2001:db8::1", &to.sin6_addr);
	return connects(AF_INET6, SOCK_STREAM, 0, &to, sizeof(to));
}

int probe_metadata(void)
{
	return connects4("169.254.169.254", 80);
}

int probe_private(void)
{
	int answer = connects4("10.0.0.1", 80);

	return answer == PROBE_POSSIBLE ? answer : connects4("192.168.0.1", 80);
}

/* Where every address is the sandbox's own, sending is possible, and told at once to be in vain. */
int probe_udp(void)
{
	struct sockaddr_in to = address("198.51.100.1", 53);
	const struct timeval wait = {.tv_sec = WAIT_SECONDS};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char byte;

	if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0 ||
	    send(fd, "x", 1, 0) < 0) {
		return errno;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	return recv(fd, &byte, 1, 0) < 0 && errno == ECONNREFUSED ? ECONNREFUSED : PROBE_POSSIBLE;
}

int probe_icmp(void)
{
	return probe_result(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_ICMP));
}

int probe_raw(void)
{
	int answer = probe_result(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_TCP));

	return answer == PROBE_POSSIBLE
		       ? answer
		       : probe_result(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
}

int probe_mptcp(void)
{
	return probe_result(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP_));
}

int probe_fast_open(void)
{
	struct sockaddr_in to = address("127.0.0.1", host_port());
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? errno
		      : probe_result(sendto(fd, "x", 1, MSG_FASTOPEN_, (const struct sockaddr *)&to,
					    sizeof(to)));
}

int probe_sctp(void)
{
	static const int protocols[] = {33 /* DCCP */, 132 /* SCTP */, 136 /* UDPLITE */};
	int answer = EPROTONOSUPPORT;

	for (size_t i = 0; i < ARRAY_LEN(protocols); i++) {
		answer = probe_result(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, protocols[i]));
		if (answer == PROBE_POSSIBLE) {
			return answer;
		}
	}
	return answer;
}

int probe_other_families(void)
{
	int answer = EAFNOSUPPORT;

	for (int family = 0; family < 64; family++) {
		if (family == AF_UNIX || family == AF_INET || family == AF_INET6 ||
		    family == AF_NETLINK) {
			continue;
		}
		for (int type = SOCK_STREAM; type <= SOCK_SEQPACKET; type++) {
			answer = probe_result(socket(family, type, 0));
			if (answer == PROBE_POSSIBLE) {
				return answer;
			}
		}
	}
	return answer;
}

/* All but NETLINK_ROUTE, which only tells of the own, empty network. */
int probe_netlink(void)
{
	int answer = EAFNOSUPPORT;

	for (int protocol = 1; protocol < 32; protocol++) {
		answer = probe_result(socket(AF_NETLINK, SOCK_RAW, protocol));
		if (answer == PROBE_POSSIBLE) {
			return answer;
		}
	}
	return answer;
}

int probe_unix_path(void)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};

	strncpy(to.sun_path, probe_env(PROBE_SOCKET), sizeof(to.sun_path) - 1);
	return connects(AF_UNIX, SOCK_STREAM, 0, &to, sizeof(to));
}

int probe_unix_abstract(void)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t n = strlen(probe_env(PROBE_ABSTRACT));

	n = n < sizeof(to.sun_path) - 1 ? n : sizeof(to.sun_path) - 1;
	memcpy(to.sun_path + 1, probe_env(PROBE_ABSTRACT), n);
	return connects(AF_UNIX, SOCK_STREAM, 0, &to,
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + n));
}

int probe_name(void)
{
	const struct addrinfo want = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *found;

	return getaddrinfo("example.com", "443", &want, &found) == 0 ? PROBE_POSSIBLE : ENOENT;
}

int probe_own_loopback(void)
{
	struct sockaddr_in at = address("127.0.0.1", 0);
	socklen_t n = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, 1) < 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &n) < 0) {
		return errno;
	}
	return connects(AF_INET, SOCK_STREAM, 0, &at, sizeof(at));
}

int probe_interfaces(void)
{
	struct ifaddrs *list;

	return probe_result(getifaddrs(&list));
}
