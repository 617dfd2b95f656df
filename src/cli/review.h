/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes that a program made to its workspace and that were kept apart (overlayfs): what they are, and
 * making them so, or not.
 *
 *	FOLDER/workspace	the workspace's path
 *	FOLDER/upper		what changed: files and folders as they are now; a character
 *				device 0:0 for what was removed; user.overlay.opaque on a folder
 *				that replaced another
 *	FOLDER/work		overlayfs's own
 *
 * Neither side's symbolic links are followed. What is neither file, folder nor link is not kept, nor are setuid
 * bits.
 */
#ifndef CLI_REVIEW_H
#define CLI_REVIEW_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum { REVIEW_DEPTH = 64, REVIEW_MAX = 100000 /* changes */ };

enum review_kind {
	REVIEW_CHANGED = 0,
	REVIEW_ADDED,
	REVIEW_REMOVED,
	REVIEW_REPLACED,
	REVIEW_SKIPPED
};

struct review_change {
	enum review_kind kind;
	struct str path; /* below the workspace */
	bool is_dir;
	uint64_t bytes;    /* of a file */
	struct str target; /* of a symbolic link */
};

/* A new folder for the changes of a workspace, private to the user. */
enum err_code review_begin(struct arena *a, struct str workspace, struct str *ret_folder,
			   struct err *err) MUST_USE;

/* The workspace that a folder's changes are of. ERR_INVALID: it is no such folder. */
enum err_code review_workspace(struct arena *a, const char *folder, struct str *ret,
			       struct err *err) MUST_USE;

/* In no particular order; texts live in the arena. ERR_LIMIT. */
enum err_code review_list(struct arena *a, const char *folder, struct review_change **ret,
			  size_t *ret_n, struct err *err) MUST_USE;

/* Makes the changes in the workspace. On failure some are made, and the folder stays. */
enum err_code review_keep(struct arena *a, const char *folder, struct err *err) MUST_USE;

/* Removes the folder with all that is in it. */
enum err_code review_discard(const char *folder, struct err *err) MUST_USE;

const char *review_kind_name(enum review_kind kind);

#endif
