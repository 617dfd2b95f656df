/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/network.h"

#include "sys/fd.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 128, LO_INDEX = 1 /* of every new network namespace */, REFUSAL_BYTES = 128 };

struct route_request {
	struct nlmsghdr head;
	struct rtmsg route;
	struct rtattr attr;
	uint32_t device;
};

/* local 0.0.0.0/0 or ::/0 dev lo, in the table that is looked at first. */
static enum err_code add_route(int fd, uint8_t family, struct err *err)
{
	struct route_request q = {
		.head = {.nlmsg_len = sizeof(q),
			 .nlmsg_type = RTM_NEWROUTE,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE},
		.route = {.rtm_family = family,
			  .rtm_table = RT_TABLE_LOCAL,
			  .rtm_protocol = RTPROT_STATIC,
			  .rtm_scope = RT_SCOPE_HOST,
			  .rtm_type = RTN_LOCAL},
		.attr = {.rta_len = RTA_LENGTH(sizeof(uint32_t)), .rta_type = RTA_OIF},
		.device = LO_INDEX,
	};
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
		char rest[256]; /* the request again */
	} answer;
	ssize_t n;

	if (send(fd, &q, sizeof(q), 0) < 0) {
		return ERR_ERRNO(err, "ask for a route");
	}
	n = recv(fd, &answer, sizeof(answer), 0);
	if (n < (ssize_t)(sizeof(answer.head) + sizeof(answer.error.error)) ||
	    answer.head.nlmsg_type != NLMSG_ERROR) {
		return ERR(err, ERR_CORRUPT, "the kernel's answer about a route");
	}
	errno = -answer.error.error;
	return errno ? ERR_ERRNO(err, "add a route for every address") : ERR_OK;
}

/* Without IPv6 in the kernel there is nothing to hold of it either. */
enum err_code network_capture(struct err *err)
{
	CLEANUP(fd_close) int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	CLEANUP(fd_close) int six = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		return ERR_ERRNO(err, "netlink");
	}
	TRY(add_route(fd, AF_INET, err));
	if (six < 0 || add_route(fd, AF_INET6, err) == ERR_OK) {
		return ERR_OK;
	}
	return err->sys_errno == EOPNOTSUPP || err->sys_errno == EAFNOSUPPORT ? ERR_OK : err->code;
}

enum err_code network_up(struct err *err)
{
	CLEANUP(fd_close) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq lo = {.ifr_name = "lo"};

	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &lo) < 0) {
		return ERR_ERRNO(err, "look at lo");
	}
	lo.ifr_flags = (short)(lo.ifr_flags | IFF_UP);
	if (ioctl(fd, SIOCSIFFLAGS, &lo) < 0) {
		return ERR_ERRNO(err, "bring up lo");
	}
	return ERR_OK;
}

/* At every address of both families, or of IPv4 where there is no other. */
static int socket_for_any(int type, const struct plan_op *op)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6,
				   .sin6_port = htons((uint16_t)op->value)};
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons((uint16_t)op->value)};
	int off = 0, on = 1, fd = socket(AF_INET6, type, 0);
	bool ok;

	if (fd >= 0) {
		ok = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) == 0 &&
		     setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on)) == 0 &&
		     bind(fd, (const struct sockaddr *)&six, sizeof(six)) == 0;
	} else {
		fd = socket(AF_INET, type, 0);
		ok = fd >= 0 && setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) == 0 &&
		     bind(fd, (const struct sockaddr *)&four, sizeof(four)) == 0;
	}
	if (!ok) {
		fd_close(&fd);
	}
	return fd;
}

static int socket_for_loopback(int type, const struct plan_op *op)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)op->value),
				 .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, type, 0);

	if (fd >= 0 && bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0) {
		fd_close(&fd);
	}
	return fd;
}

/* Loads that count from IP's head: IPv6's raw sockets show what is behind it. */
#define FROM6(word) (uint32_t)(SKF_NET_OFF + 8 + 4 * (word))

/*
 * What this kernel answers to the first packet of a connection (RST and ACK, sequence number 0) or to
 * datagrams (port unreachable) where nobody listens, unless that was at loopback. Raw sockets, since to close one of packets
 * takes the kernel ten milliseconds.
 */
static int socket_for_refusals(const struct plan_op *op)
{
	static const struct sock_filter resets4[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 12),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 127, 7, 0),
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
		BPF_STMT(BPF_LD | BPF_B | BPF_IND, 13),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x3f),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x14, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_IND, 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, REFUSAL_BYTES),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	static const struct sock_filter unreachable4[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 12),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 127, 4, 0),
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x0303, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, REFUSAL_BYTES),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	static const struct sock_filter resets6[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x3f),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x14, 0, 11),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 9),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FROM6(0)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 6),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FROM6(1)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FROM6(2)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FROM6(3)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, REFUSAL_BYTES),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	static const struct sock_filter unreachable6[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x0104, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, REFUSAL_BYTES),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	static const struct {
		int family, protocol;
		const struct sock_filter *code;
		unsigned short n;
	} kinds[2][2] = {
		{{AF_INET, IPPROTO_TCP, resets4, ARRAY_LEN(resets4)},
		 {AF_INET, IPPROTO_ICMP, unreachable4, ARRAY_LEN(unreachable4)}},
		{{AF_INET6, IPPROTO_TCP, resets6, ARRAY_LEN(resets6)},
		 {AF_INET6, IPPROTO_ICMPV6, unreachable6, ARRAY_LEN(unreachable6)}},
	};
	unsigned v6 = op->value == 6, datagram = op->flags & LISTEN_DATAGRAM ? 1 : 0;
	const struct sock_fprog filter = {
		.len = kinds[v6][datagram].n,
		.filter = (struct sock_filter *)(uintptr_t)kinds[v6][datagram].code};
	/* Nothing runs yet, so nothing can come in before the filter is there. */
	int fd = socket(kinds[v6][datagram].family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			kinds[v6][datagram].protocol);

	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) < 0) {
		fd_close(&fd);
	}
	return fd;
}

enum err_code network_listen(const struct plan_op *op, int *ret_fd, struct err *err)
{
	bool datagram = op->flags & LISTEN_DATAGRAM;
	int type = (datagram ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, on = 1;
	CLEANUP(fd_close) int fd = -1;

	if (op->flags & LISTEN_REFUSALS) {
		*ret_fd = socket_for_refusals(op);
		/* Where the kernel has no IPv6 there is nothing to refuse. */
		return *ret_fd < 0 && !(op->value == 6 && errno == EAFNOSUPPORT)
			       ? ERR_ERRNO(err, "look at what the sandbox's kernel refuses")
			       : ERR_OK;
	}
	fd = op->flags & LISTEN_ANY ? socket_for_any(type, op) : socket_for_loopback(type, op);
	if (fd < 0 ||
	    (!datagram && (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
			   listen(fd, BACKLOG) < 0))) {
		return ERR_ERRNO(err, "listen at port %u of the sandbox", (unsigned)op->value);
	}
	*ret_fd = fd_take(&fd);
	return ERR_OK;
}
