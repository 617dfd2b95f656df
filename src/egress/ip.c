/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/ip.h"

#include "egress/ip_priv.h"

const char *egress_class_name(enum egress_class c)
{
	static const char *const names[] = {
		[EGRESS_RESERVED] = "reserved",
		[EGRESS_UNSPECIFIED] = "unspecified",
		[EGRESS_LOOPBACK] = "loopback",
		[EGRESS_LINK_LOCAL] = "link-local",
		[EGRESS_METADATA] = "metadata service",
		[EGRESS_PRIVATE] = "private",
		[EGRESS_SHARED] = "shared",
		[EGRESS_PROTOCOL] = "protocol",
		[EGRESS_DOCUMENTATION] = "documentation",
		[EGRESS_BENCHMARK] = "benchmark",
		[EGRESS_MULTICAST] = "multicast",
		[EGRESS_BROADCAST] = "broadcast",
		[EGRESS_TUNNEL] = "tunnel",
		[EGRESS_TRANSLATE] = "translated",
		[EGRESS_PUBLIC] = "public",
	};

	return names[c];
}

const struct egress_block *egress_blocks(size_t *ret_n)
{
	*ret_n = egress_table_n;
	return egress_table;
}

static size_t size_of(const struct egress_ip *ip)
{
	return ip->v6 ? 16 : 4;
}

bool egress_ip_eq(const struct egress_ip *a, const struct egress_ip *b)
{
	return a->v6 == b->v6 && memcmp(a->bytes, b->bytes, size_of(a)) == 0;
}

/* Do the first `bits` agree? */
static bool same_prefix(const struct egress_ip *a, const struct egress_ip *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;
	unsigned mask = rest ? 0xffU << (8 - rest) & 0xffU : 0;

	return a->v6 == b->v6 && memcmp(a->bytes, b->bytes, whole) == 0 &&
	       (rest == 0 || ((a->bytes[whole] ^ b->bytes[whole]) & mask) == 0);
}

const struct egress_block *egress_block_of(const struct egress_ip *ip)
{
	const struct egress_block *best = NULL;

	for (size_t i = 0; i < egress_table_n; i++) {
		const struct egress_block *b = &egress_table[i];

		if (same_prefix(ip, &b->at, b->bits) && (!best || b->bits >= best->bits)) {
			best = b;
		}
	}
	return best;
}

/* RFC 5214: the interface identifier of ISATAP, under any prefix. */
static bool is_isatap(const struct egress_ip *ip)
{
	return ip->v6 && (ip->bytes[8] & ~2U) == 0 && ip->bytes[9] == 0 && ip->bytes[10] == 0x5e &&
	       ip->bytes[11] == 0xfe;
}

enum egress_class egress_classify(const struct egress_ip *ip)
{
	const struct egress_block *b = egress_block_of(ip);
	struct egress_ip inner = {.v6 = false};

	if (!b) {
		return ip->v6 ? EGRESS_RESERVED : EGRESS_PUBLIC;
	}
	if (b->class == EGRESS_TRANSLATE) {
		memcpy(inner.bytes, ip->bytes + 12, 4);
		return egress_classify(&inner);
	}
	return b->class == EGRESS_PUBLIC && is_isatap(ip) ? EGRESS_TUNNEL : b->class;
}

/* The address it stands for: what it carries, where it is a carrier. */
static struct egress_ip unwrap(const struct egress_ip *ip)
{
	const struct egress_block *b = egress_block_of(ip);
	struct egress_ip inner = {.v6 = false};

	if (!b || b->class != EGRESS_TRANSLATE) {
		return *ip;
	}
	memcpy(inner.bytes, ip->bytes + 12, 4);
	return inner;
}

/* Whatever the configuration says. */
static bool never_dialled(enum egress_class class)
{
	return class == EGRESS_UNSPECIFIED || class == EGRESS_MULTICAST ||
	       class == EGRESS_BROADCAST || class == EGRESS_TUNNEL;
}

bool egress_may_dial(const struct egress_ip *ip, const struct egress_range *open, size_t n)
{
	const struct egress_ip at = unwrap(ip);
	enum egress_class class = egress_classify(ip);
	unsigned least = class == EGRESS_METADATA ? (at.v6 ? 128 : 32) : 0;

	if (class == EGRESS_PUBLIC || never_dialled(class)) {
		return class == EGRESS_PUBLIC;
	}
	for (size_t i = 0; i < n; i++) {
		if (open[i].bits >= least && same_prefix(&at, &open[i].at, open[i].bits)) {
			return true;
		}
	}
	return false;
}

/* ---- text ---- */

static bool read_v4(struct str text, uint8_t to[4])
{
	struct str rest = text;

	for (unsigned i = 0; i < 4; i++) {
		struct str part = str_cut(&rest, '.');
		uint64_t v;

		if (part.n == 0 || part.n > 3 || (part.n > 1 && part.p[0] == '0') ||
		    !str_to_u64(part, &v) || v > 255 || (i < 3) != (rest.p != NULL)) {
			return false;
		}
		to[i] = (uint8_t)v;
	}
	return true;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* One group of one to four digits; false when it is none. */
static bool read_group(struct str part, uint8_t to[2])
{
	unsigned v = 0;

	if (part.n == 0 || part.n > 4) {
		return false;
	}
	for (size_t i = 0; i < part.n; i++) {
		int d = hex_digit(part.p[i]);

		if (d < 0) {
			return false;
		}
		v = v << 4 | (unsigned)d;
	}
	to[0] = (uint8_t)(v >> 8);
	to[1] = (uint8_t)v;
	return true;
}

/* Groups up to a "::" or the end; an IPv4 address may be the last. False: malformed. */
static bool read_groups(struct str text, uint8_t to[16], size_t *ret_n)
{
	struct str rest = text;
	size_t n = 0;

	while (text.n && rest.p) {
		struct str part = str_cut(&rest, ':');

		if (!rest.p && str_find(part, '.') < part.n) {
			if (n > 12 || !read_v4(part, to + n)) {
				return false;
			}
			n += 4;
			break;
		}
		if (n == 16 || !read_group(part, to + n)) {
			return false;
		}
		n += 2;
	}
	*ret_n = n;
	return true;
}

static bool read_v6(struct str text, uint8_t to[16])
{
	size_t gap = str_find_str(text, STR("::")), n_head, n_tail = 0;
	uint8_t head[16] = {0}, tail[16] = {0};

	if (text.n > 45 || !read_groups(str_make(text.p, gap), head, &n_head)) {
		return false;
	}
	if (gap == text.n) {
		memcpy(to, head, 16);
		return n_head == 16;
	}
	/* An IPv4 part stands at the very end only. */
	if (str_find(str_make(text.p, gap), '.') < gap ||
	    !read_groups(str_from(text, gap + 2), tail, &n_tail) || n_head + n_tail > 14) {
		return false;
	}
	memset(to, 0, 16);
	memcpy(to, head, n_head);
	memcpy(to + 16 - n_tail, tail, n_tail);
	return true;
}

bool egress_ip_parse(struct str text, struct egress_ip *ret)
{
	struct egress_ip ip = {.v6 = str_find(text, ':') < text.n};

	if (ip.v6 ? !read_v6(text, ip.bytes) : !read_v4(text, ip.bytes)) {
		return false;
	}
	*ret = ip;
	return true;
}

/* The longest run of zero groups, of two at least (RFC 5952 section 4.2). */
static void find_gap(const uint8_t *bytes, unsigned *ret_at, unsigned *ret_n)
{
	unsigned run = 0;

	*ret_at = 8;
	*ret_n = 1;
	for (unsigned i = 0; i < 8; i++) {
		run = bytes[2 * i] == 0 && bytes[2 * i + 1] == 0 ? run + 1 : 0;
		if (run > *ret_n) {
			*ret_n = run;
			*ret_at = i + 1 - run;
		}
	}
}

void egress_ip_write(struct buf *out, const struct egress_ip *ip)
{
	unsigned at, n;

	if (!ip->v6) {
		buf_printf(out, "%u.%u.%u.%u", ip->bytes[0], ip->bytes[1], ip->bytes[2],
			   ip->bytes[3]);
		return;
	}
	find_gap(ip->bytes, &at, &n);
	for (unsigned i = 0; i < 8; i++) {
		if (i == at) {
			buf_append(out, STR("::"));
			i += n - 1;
			continue;
		}
		buf_printf(out, "%s%x", i && i != at + n ? ":" : "",
			   (unsigned)ip->bytes[2 * i] << 8 | ip->bytes[2 * i + 1]);
	}
}

static bool zero_past(const struct egress_ip *ip, unsigned bits)
{
	for (unsigned i = bits; i < 8 * size_of(ip); i++) {
		if (ip->bytes[i / 8] & (0x80U >> (i % 8))) {
			return false;
		}
	}
	return true;
}

/* Is one special block around all of it? */
static bool within_special(const struct egress_range *r)
{
	for (size_t i = 0; i < egress_table_n; i++) {
		const struct egress_block *b = &egress_table[i];

		if (b->bits > 0 && b->bits <= r->bits && b->class != EGRESS_PUBLIC &&
		    same_prefix(&r->at, &b->at, b->bits)) {
			return true;
		}
	}
	return false;
}

enum err_code egress_range_parse(struct str text, struct egress_range *ret, struct err *err)
{
	struct str rest = text, address = str_cut(&rest, '/');
	const struct egress_block *block;
	struct egress_range r = {.bits = 0};
	uint64_t bits;

	if (!egress_ip_parse(address, &r.at)) {
		return ERR(err, ERR_INVALID,
			   "expected an address or a range, as in 10.1.0.0/16 or fd00:1::/32");
	}
	bits = 8 * size_of(&r.at);
	if (rest.p && (!str_to_u64(rest, &bits) || rest.n > 3 || bits > 8 * size_of(&r.at))) {
		return ERR(err, ERR_INVALID, "the length of the prefix is not one");
	}
	r.bits = (uint8_t)bits;
	if (!zero_past(&r.at, r.bits)) {
		return ERR(err, ERR_INVALID, "bits behind the prefix are not zero");
	}
	block = egress_block_of(&r.at);
	if (!block || block->class == EGRESS_PUBLIC) {
		return ERR(err, ERR_INVALID, "public addresses need no permission here");
	}
	if (block->class == EGRESS_TRANSLATE) {
		return ERR(err, ERR_INVALID, "write the IPv4 address that it carries");
	}
	if (!within_special(&r)) {
		return ERR(err, ERR_INVALID,
			   "the range is wider than one kind of special address: name the kinds "
			   "one by one");
	}
	if (never_dialled(block->class)) {
		return ERR(err, ERR_INVALID, "%s addresses are never dialled",
			   egress_class_name(block->class));
	}
	*ret = r;
	return ERR_OK;
}
