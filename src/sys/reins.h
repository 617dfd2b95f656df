/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reins of a sandbox: a SOCK_SEQPACKET socket whose one end its init holds (sandbox/init.h) and the
 * other whoever rules over it, the gate. One byte is one order, answered by the same byte when
 * it is done. The end of the reins, on whichever side, is the end of the sandbox.
 */
#ifndef SYS_REINS_H
#define SYS_REINS_H

enum {
	REINS_FREEZE =
		'f', /* every process stops: one signal to all of the pid namespace, so that a
			       fork that is under way cannot slip through */
	REINS_THAW = 't',
	REINS_KILL = 'k', /* no answer but the end */
};

#endif
