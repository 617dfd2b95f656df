/* SPDX-License-Identifier: Apache-2.0 */
/* What a run has of the exit: an authority that only its sandbox trusts. */
#include "gate/exit_priv.h"

#include <stdlib.h>

enum err_code gate_exit_open(struct gate *g, struct session *who, struct buf *cert, struct err *err)
{
	struct exit_run *x = calloc(1, sizeof(*x));

	ASSERT(!who || !who->exit);
	if (!x) {
		return ERR(err, ERR_NOMEM, "no memory for the exit of a run");
	}
	x->gate = g;
	x->who = who;
	list_init(&x->ports);
	list_init(&x->waiting);
	list_init(&x->programs);
	list_init(&x->asked);
	if (config_inspects_any(g->rules->config) && tls_authority_own(cert, &x->authority, err)) {
		exit_run_free(x);
		return err->code;
	}
	if (who) {
		who->exit = x;
	} else {
		exit_run_free(x);
	}
	return ERR_OK;
}

void exit_run_free(struct exit_run *x)
{
	if (x) {
		exit_ports_done(x);
		exit_capture_done(x);
		exit_dns_done(x);
		exit_refusals_done(x);
		egress_names_done(&x->names);
		tls_authority_free(x->authority);
		free(x);
	}
}

struct tls_authority *exit_authority(const struct gate *g, const struct session *who)
{
	return who->exit ? who->exit->authority : g->exits.authority;
}
