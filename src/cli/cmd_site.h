/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs of `writ site`, and what they share: a configuration at one time. */
#ifndef CLI_CMD_SITE_H
#define CLI_CMD_SITE_H

#include "cli/cmd.h"
#include "cli/out.h"
#include "config/load.h"
#include "gate/residency.h"
#include "gate/rules_compile.h"

int cmd_site_list(int argc, char **argv);
int cmd_site_show(int argc, char **argv);
int cmd_site_check(int argc, char **argv);
int cmd_site_prove(int argc, char **argv);
int cmd_site_diff(int argc, char **argv);
int cmd_site_drill(int argc, char **argv);
int cmd_site_verify(int argc, char **argv);
int cmd_site_sign(int argc, char **argv);
int cmd_site_approve(int argc, char **argv);
int cmd_site_sever(int argc, char **argv);
int cmd_site_restore(int argc, char **argv);

#define SITE_OPT_CONFIG(p)                                                                         \
	{                                                                                          \
		.name = "config", .letter = 'c', .value = "FILE", .text = (p),                     \
		.help = "the configuration; default writ.yaml"                                     \
	}
#define SITE_OPT_AT(p)                                                                             \
	{                                                                                          \
		.name = "at", .value = "DATE", .text = (p), .help = "as of this date; default now" \
	}

struct site_view {
	struct arena arena;
	struct config_loaded loaded;
	struct rules_compiled policies;
	struct residency_facts facts;
	struct residency residency;
	struct policy_diags diags;
};

/*
 * Loads the configuration with everything it names, verifies the manifests and makes the matrix of
 * `at` (a date; NULL: now). Release with site_view_done, also after a failure.
 */
enum err_code site_view_open(struct site_view *v, const char *config, const char *at,
			     struct err *err) MUST_USE;
void site_view_done(struct site_view *v);

/* The matrix again, after facts were changed. */
enum err_code site_view_again(struct site_view *v, struct residency *ret, struct err *err) MUST_USE;

/* "DE, FR", with "anyone" in front when it is so; in the arena of v. */
struct str site_view_exposure(struct site_view *v, const struct site_exposure *e);
struct str site_view_join(struct site_view *v, const struct str *items, size_t n);

/* "holds", "expired", "none" */
const char *site_view_state(const struct residency_site *s);

/* 64 hexadecimal digits; in the arena of v. */
struct str site_view_hash(struct site_view *v, const uint8_t hash[static SHA256_LEN]);

/* "health, level=public, purpose=dev"; in the arena of v. */
struct str site_view_row(struct site_view *v, const struct site_words *w,
			 const struct site_row *row);

#endif
