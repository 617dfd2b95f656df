/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every message between roles: who may send it to whom, and its fields in
 * order. A gate that says to another role, or a role that says to the supervisor, what this table
 * does not let it say is ended by the supervisor (MISUSE); gates drop what is not for them.
 *
 * From the supervisor on a role's control channel:
 *   CONFIG    fd of a sealed memfd: the configuration as JSON
 *   BUNDLE    fd of a sealed memfd: policies and schema as JSON
 *   SECRET    u32 index, str file name, fd of a sealed memfd: the file's bytes
 *   LISTENER  u32 index into config.listen, fd
 *   CHANNEL   u8 role, u32 index, str zone (of a relay, proc/zones.h; else empty), fd: this role's end of a
 *             channel to that peer; replaces an older one
 *   DIRECTORY fd of the ledger's directory (scribe only)
 *   RUNS      fd of the listening socket of ipc/run.h (first gate only)
 *   KEY       fd of a sealed memfd: the ledger's signing key, as its file holds it (scribe only)
 *   START     u8 whether names must be resolved (connector), u32 gates of this node, u8 whether one
 *             of this place has served before and died (gate), u8 whether it will speak TLS, u8
 *             whether HTTP/2, u8 whether some server needs tokens (connector): boot is complete
 *   RELOAD    CONFIG, BUNDLE and SECRET before it are new ones: prepare, then answer RELOADED
 *   DRAIN     finish what runs, take nothing new, then exit 0
 *   PINS_ROOM fd of a memfd of fixed size: where this gate writes what it has seen (gates only)
 *   PINS      u8 whether it answers PINS_SEEN, fd of a sealed memfd: the table of gate/pin.h (gates only)
 *   NOTE      str entry: a ledger entry of the supervisor (scribe only), answered by NOTED
 *   VERDICT   u64 number, u8 yes, u32 uid: a person answered for what a gate holds
 *   LOGIN     u64 ticket, u8 step (enum ipc_login), str server, str first, str second: a person's login at
 *             a server (connector only), answered by LOGGED
 *   SLOT      str server, str what is kept of a login there, sealed (connector only; empty: nothing)
 *   SLOT_KEPT str server, u8 ok: what the oldest SLOT_WRITE brought is on the disk (connector only)
 * To the supervisor:
 *   HELD      u64 number, str JSON text: this gate holds it for a person; an empty text: no more
 *   PINS_SEEN u32 bytes: a report of gate/pin.h is in this gate's room. Answered by PINS, and no
 *             other is sent before
 *   READY     str what this machine could not give of the role's jail, usually nothing: the role serves
 *   MISUSE    u8 role, u32 index: that peer said what it may not, so its channel was closed; it is
 *             to be ended and started again (of scribe, connector, exit, runner and relays, about gates;
 *             of the connector about relays)
 *   RELOADED  u8 ok, str text: why not; of a gate that did, the digest of its policies in hexadecimal
 *   NOTED     (the oldest NOTE without an answer is in the log, or refused; scribe only). Notes that a
 *             scribe did not answer before it died are sent to the next one: none is lost, one may
 *             be there twice
 *   COUNT     u32 how many runs there are now (first gate only)
 *   LOGGED    u64 ticket, u8 ok, str JSON for the command, or why not (connector only, as the next two)
 *   SLOT_READ str server: answered by SLOT
 *   SLOT_WRITE str server, str what is to be kept (empty: nothing any more): answered by SLOT_KEPT
 * gate -> scribe:
 *   APPEND    u64 batch, u8 flags (1 durable), u32 n, n x str entry
 * scribe -> gate:
 *   ACK       u64 batch, u64 first index, u64 time in ns since 1970, str for each event `sent` among
 *             the entries, in their order, the MAC of ledger/permit.h, u64 what it says of the time
 *   NACK      u64 batch, u8 reason (enum ipc_nack)
 * gate -> connector:
 *   DIAL      u64 token, str upstream ("server:fs", "model:name", "keys:corp", "introspect:corp")
 *   CHALLENGE u64 token, str upstream, u32 status, str value of WWW-Authenticate: it refused a request for
 *             want of a (better) token. Unless the token is 0, answered by NOT_DIALED: why is RENEWED once there
 *             is another one
 * connector -> gate:
 *   DIALED    u64 token, u8 mode (enum ipc_dial_mode), fd
 *   NOT_DIALED u64 token, str reason, u8 why (enum ipc_not_dialed)
 * connector -> relay:
 *   HAND      u64 number, u32 gate, u64 token, str upstream, fd: a connected socket, for what this gate asked for
 *             under this token. The relay gives that gate its end (DIALED), then answers HANDED
 *   TOKEN     str server, str URL, u64 monotonic ns of its end or 0, str header line: what requests to it carry from
 *             now on (an empty line: none)
 * relay -> connector:
 *   HANDED    u64 number, u8 whether the gate has its end
 *   TOKEN_USED str server: the newest token went with a request, for the first time
 * relay -> gate:
 *   DIALED    as above, with the gate's token: it cannot be guessed, so no other relay can answer for it
 * gate -> exit:
 *   DIAL_HOST u64 token, str host (as egress/host.h reads it), u32 port, u8 flags (enum ipc_host),
 *             u64 asker: the same for all that one agent asks for
 * exit -> gate:
 *   DIALED, NOT_DIALED as above; the mode is IPC_DIAL_RELAY when that was asked for (ipc/relay.h)
 * gate -> runner:
 *   RUN       u64 token, str server id
 *   STOP      u64 token
 * runner -> gate:
 *   RUNNING   u64 token, fd: stdin and stdout of the server, one stream socket
 *   NOT_RUN   u64 token, str reason
 *   ENDED     u64 token, u32 wait status
 * gate -> gate:
 *   HANDOFF   u32 listener, str bytes read so far, fd: a connection whose session, or whose
 *             principal's history, lives there
 */
#ifndef IPC_MESSAGES_H
#define IPC_MESSAGES_H

enum ipc_message {
	IPC_NONE = 0,
	IPC_CONFIG,
	IPC_BUNDLE,
	IPC_SECRET,
	IPC_LISTENER,
	IPC_CHANNEL,
	IPC_DIRECTORY,
	IPC_KEY,
	IPC_RUNS,
	IPC_START,
	IPC_RELOAD,
	IPC_DRAIN,
	IPC_NOTE,
	IPC_VERDICT,
	IPC_HELD,
	IPC_READY,
	IPC_MISUSE,
	IPC_RELOADED,
	IPC_NOTED,
	IPC_APPEND,
	IPC_ACK,
	IPC_NACK,
	IPC_DIAL,
	IPC_DIAL_HOST,
	IPC_DIALED,
	IPC_NOT_DIALED,
	IPC_RUN,
	IPC_STOP,
	IPC_RUNNING,
	IPC_NOT_RUN,
	IPC_ENDED,
	IPC_HANDOFF,
	IPC_COUNT,
	IPC_PINS_ROOM,
	IPC_PINS,
	IPC_PINS_SEEN,
	IPC_CHALLENGE,
	IPC_LOGIN,
	IPC_LOGGED,
	IPC_SLOT,
	IPC_SLOT_KEPT,
	IPC_SLOT_READ,
	IPC_SLOT_WRITE,
	IPC_HAND,
	IPC_HANDED,
	IPC_TOKEN,
	IPC_TOKEN_USED,
};

/* A step of a login, and what the two texts are. */
enum ipc_login {
	IPC_LOGIN_NONE = 0,
	IPC_LOGIN_BEGIN,  /* the redirect, or empty: by a device code; scopes to ask for besides */
	IPC_LOGIN_FINISH, /* the query that came to the redirect; empty: ask for the device code */
	IPC_LOGIN_LEAVE,  /* log out */
};

enum ipc_nack {
	IPC_NACK_FAILED = 0, /* the log could not be written; see the scribe's own log */
	IPC_NACK_FULL,       /* no space left */
	IPC_NACK_INVALID,    /* an entry is not one this sender may write */
};

enum ipc_dial_mode {
	IPC_DIAL_DIRECT = 0, /* the connected socket itself */
	IPC_DIAL_RELAY,      /* a stream to a relay, which adds TLS and credentials: see
				proc/relay.h */
	IPC_DIAL_DIRECT_H2,  /* the same where HTTP/2 is spoken */
	IPC_DIAL_RELAY_H2,
};

enum ipc_host {
	IPC_HOST_RELAY = 1, /* requests by way of the exit, which puts credentials in */
	IPC_HOST_TLS = 2,   /* with RELAY: it speaks TLS to the host */
	IPC_HOST_H2 = 4,    /* with TLS: HTTP/2 if the host does, and no credential is for it */
};

enum ipc_not_dialed {
	IPC_DIAL_UNREACHABLE = 0, /* nobody answers, or the role is away */
	IPC_DIAL_FORBIDDEN,       /* a special address that the configuration does not open */
	IPC_DIAL_NO_NAME,         /* the name has no address */
	IPC_DIAL_TIMEOUT,
	IPC_DIAL_BUSY,    /* too much is being dialled */
	IPC_DIAL_LOGIN,   /* a person has to log in first: writ login */
	IPC_DIAL_RENEWED, /* nothing was dialled: there is another token than the one refused */
};

enum { IPC_APPEND_DURABLE = 1 };

#endif
