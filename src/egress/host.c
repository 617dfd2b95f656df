/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/host.h"

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_label_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/*
 * RFC 1123 section 2.1, with the underscore that names of services have. A label that begins with
 * "xn--" is the ASCII form of an internationalised one (RFC 5890); any other with "--" in its third
 * and fourth place is reserved.
 */
static bool is_label(struct str label)
{
	if (label.n == 0 || label.n > 63 || label.p[0] == '-' || label.p[label.n - 1] == '-') {
		return false;
	}
	for (size_t i = 0; i < label.n; i++) {
		if (!is_label_char(label.p[i])) {
			return false;
		}
	}
	return label.n < 4 || label.p[2] != '-' || label.p[3] != '-' ||
	       (str_starts_with(label, STR("xn--")) && label.n > 4);
}

/* What inet_aton(3) takes for a number: decimal, octal or 0x and hexadecimal. */
static bool is_number(struct str label)
{
	bool hex = label.n >= 2 && label.p[0] == '0' && label.p[1] == 'x';

	for (size_t i = hex ? 2 : 0; i < label.n; i++) {
		char c = label.p[i];

		if (!(c >= '0' && c <= '9') && !(hex && c >= 'a' && c <= 'f')) {
			return false;
		}
	}
	return true;
}

static enum err_code check_name(struct str name, struct err *err)
{
	struct str rest = name, last = name;
	unsigned labels = 0;

	while (rest.p) {
		last = str_cut(&rest, '.');
		if (!is_label(last)) {
			return ERR(err, ERR_INVALID, "the host is not a name as it is written");
		}
		if (++labels > EGRESS_LABELS_MAX) {
			return ERR(err, ERR_LIMIT, "the host has more than %d labels",
				   EGRESS_LABELS_MAX);
		}
	}
	/* WHATWG URL "ends in a number": no name does, an address in an odd form may. */
	if (is_number(last)) {
		return ERR(err, ERR_INVALID, "the host is an address in a form that is not one");
	}
	return ERR_OK;
}

enum err_code egress_name_parse(struct str text, struct egress_host *ret, struct err *err)
{
	struct egress_host h = {.n = 0};
	struct buf canonical;

	if (text.n == 0 || text.n > EGRESS_NAME_MAX) {
		return ERR(err, ERR_INVALID, "the host is %s",
			   text.n ? "longer than 253 bytes" : "empty");
	}
	if (egress_ip_parse(text, &h.ip)) {
		h.is_ip = true;
		buf_init(&canonical, sizeof(h.name));
		egress_ip_write(&canonical, &h.ip);
		text = buf_str(&canonical);
		if (!canonical.failed) {
			memcpy(h.name, text.p, text.n);
			h.n = (uint8_t)text.n;
		}
		buf_done(&canonical);
		if (h.n == 0) {
			return ERR(err, ERR_NOMEM, "no memory for an address");
		}
		*ret = h;
		return ERR_OK;
	}
	for (size_t i = 0; i < text.n; i++) {
		h.name[i] = lower(text.p[i]);
	}
	h.n = (uint8_t)text.n;
	TRY(check_name(str_make(h.name, h.n), err));
	*ret = h;
	return ERR_OK;
}

static bool read_port(struct str text, uint16_t *ret)
{
	uint64_t v;

	if (text.n == 0 || text.n > 5 || text.p[0] == '0' || !str_to_u64(text, &v) || v > 65535) {
		return false;
	}
	*ret = (uint16_t)v;
	return true;
}

enum err_code egress_host_parse(struct str authority, uint16_t usual, struct egress_host *ret,
				struct err *err)
{
	bool bracket = authority.n && authority.p[0] == '[';
	size_t close = bracket ? str_find(authority, ']') : 0;
	size_t end = bracket ? close + 1 : str_find(authority, ':');
	struct str host, port;
	uint16_t number = usual;
	struct egress_host h;

	if (bracket && close == authority.n) {
		return ERR(err, ERR_INVALID, "a bracket without its end");
	}
	host = bracket ? str_make(authority.p + 1, close - 1) : str_make(authority.p, end);
	port = str_from(authority, end);
	if (port.n ? port.p[0] != ':' || !read_port(str_from(port, 1), &number) : usual == 0) {
		return ERR(err, ERR_INVALID, "the port is missing or not from 1 to 65535");
	}
	TRY(egress_name_parse(host, &h, err));
	if (bracket != (h.is_ip && h.ip.v6)) {
		return ERR(err, ERR_INVALID, "brackets are for IPv6 addresses, and they need them");
	}
	h.port = number;
	*ret = h;
	return ERR_OK;
}

void egress_host_write(struct buf *out, const struct egress_host *h, uint16_t usual)
{
	bool v6 = h->is_ip && h->ip.v6;

	buf_append(out, v6 ? STR("[") : STR(""));
	buf_append(out, egress_host_name(h));
	buf_append(out, v6 ? STR("]") : STR(""));
	if (h->port != usual) {
		buf_append_c(out, ':');
		buf_append_u64(out, h->port);
	}
}

bool egress_is_localhost(struct str name)
{
	return str_eq(name, STR("localhost")) || str_ends_with(name, STR(".localhost"));
}
