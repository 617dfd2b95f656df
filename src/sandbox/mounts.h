/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Building a new root with the mount API of file descriptors (Linux 5.12). Every
 * target is walked to beneath the new root without following a symbolic link, so
 * nothing that lies on the disk can lead a mount somewhere else.
 */
#ifndef SANDBOX_MOUNTS_H
#define SANDBOX_MOUNTS_H

#include "base/err.h"
#include "sandbox/plan.h"

/*
 * The new root while it is built. The directory that was walked to last is kept: plans name places beside each other.
 */
struct mounts {
	int root, dir; /* -1: none yet */
	struct str dir_path;
};

/* From here on nothing that is mounted here is seen outside, nor the other way round. */
enum err_code mounts_private(struct err *err) MUST_USE;

/*
 * A new, empty root in memory. It is mounted over /proc of this mount namespace:
 * the one directory that exists everywhere and can hold no source of a plan.
 */
enum err_code mounts_root(uint64_t bytes, struct mounts *ret, struct err *err) MUST_USE;

enum err_code mounts_dir(struct mounts *m, struct str target, struct err *err) MUST_USE;
enum err_code mounts_link(struct mounts *m, const struct plan_op *op, struct err *err) MUST_USE;
enum err_code mounts_file(struct mounts *m, const struct plan_op *op, struct err *err) MUST_USE;
enum err_code mounts_bind(struct mounts *m, const struct plan_op *op, struct err *err) MUST_USE;
enum err_code mounts_tmp(struct mounts *m, const struct plan_op *op, struct err *err) MUST_USE;

/* The target as it is outside, but with every change in `upper` of the source folder. */
enum err_code mounts_overlay(struct mounts *m, const struct plan_op *op, struct err *err) MUST_USE;

/*
 * What is mounted at the target, and all in it, becomes read only. *ret_tree is where it can be written to still, as far
 * as it could: only by whoever holds that. With BIND_WRITE; else the place itself.
 */
enum err_code mounts_monitored(const struct mounts *m, const struct plan_op *op, int *ret_tree,
			       struct err *err) MUST_USE;

/* A folder that is in the new root already is mounted on itself: then nothing can rename it. */
enum err_code mounts_pin(struct mounts *m, const struct plan_op *op, struct err *err) MUST_USE;

/* Pseudo terminals of its own: none of the machine's can be named. */
enum err_code mounts_pts(struct mounts *m, struct str target, struct err *err) MUST_USE;

/* What lies at the target is covered: a directory by an empty one, a file by one nobody can open. */
enum err_code mounts_mask(struct mounts *m, const struct plan_op *op, struct err *err) MUST_USE;

/* A /proc of this pid namespace, not mounted anywhere yet. */
enum err_code mounts_own_proc(int *ret, struct err *err) MUST_USE;

/* The same at the target. *ret_proc stays open for mounts_pivot, which makes it read only. */
enum err_code mounts_proc(struct mounts *m, struct str target, int *ret_proc,
			  struct err *err) MUST_USE;

/* Root and proc become read only, the root becomes the root, the old one is gone; m is used up. */
enum err_code mounts_pivot(struct mounts *m, int proc, struct err *err) MUST_USE;

#endif
