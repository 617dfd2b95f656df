/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must hold of a residency matrix, checked row by row over the whole of it:
 *
 *   health,special never outside EEA       no row with both reaches a site whose exposure is
 *                                          not within the group, or the country, EEA
 *   level>=confidential never reaches US   ... a site that somebody in US (or anyone) can reach
 *   any never at far                       ... the site far
 *   purpose=care.* needs 2                 every such row has two sites of two operators
 *
 * Rows are named by `any` or by words with commas between: a category that they hold, level>=L
 * level<=L level=L, purpose=P (a final * stands for any rest), origin=O.
 */
#ifndef SITE_CLAIM_H
#define SITE_CLAIM_H

#include "site/manifest.h"
#include "site/matrix.h"

/* What is known of the site of each column. */
struct site_fact {
	const struct site_manifest *manifest; /* NULL: none that holds */
	struct str operator_name;
	struct site_exposure exposure;
};

struct site_claim {
	struct str text;
	uint16_t required;
	uint8_t levels;
	uint64_t purposes;
	uint32_t origins;
	unsigned needs; /* operators; 0: a row must not reach `bad` */
	struct site_set bad;
};

struct site_claim_world {
	const struct site_words *words;
	const struct site_column *columns;
	const struct site_fact *facts; /* of the columns */
	size_t n_columns;
	const struct site_groups *groups;
	int64_t now;
};

/* Borrows the text. ERR_SYNTAX, ERR_NOT_FOUND for a name that nothing has. */
enum err_code site_claim_parse(struct str text, const struct site_claim_world *world,
			       struct site_claim *ret, struct err *err) MUST_USE;

struct site_verdict {
	bool broken;
	struct site_row row; /* the smallest that breaks it: fewest categories, lowest level */
	size_t column;       /* where it goes; of `needs`: the number of operators */
	uint64_t rows;       /* that the claim is about */
};

/* All claims in one walk over the whole matrix. Returns the number of rows. */
uint64_t site_claims_check(const struct site_matrix *m, const struct site_claim_world *world,
			   const struct site_claim *claims, size_t n, struct site_verdict *ret);

/* A permit term that lets the row reach the column; NULL when nothing does. */
const struct site_term *site_matrix_why(const struct site_matrix *m, const struct site_row *row,
					size_t column);

/* "health, level=internal, purpose=care.triage, origin=DE" */
void site_row_write(const struct site_words *w, const struct site_row *row, struct buf *to);

/* What a change of matrix did to one column of the newer, or of the older, one. */
struct site_change {
	struct site_column column;
	uint64_t opened, closed; /* rows */
	struct site_row first_opened, first_closed;
};

/*
 * Goes through the rows of `to` that have one of the categories `among` (0: through all); a category, purpose or origin that `from` has no name for is to
 * it what has no name. `ret` has room for the columns of both; *ret_n of them changed.
 */
uint64_t site_matrix_diff(const struct site_matrix *from, const struct site_matrix *to,
			  uint16_t among, struct site_change *ret, size_t *ret_n);

#endif
