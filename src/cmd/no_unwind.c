/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * no_unwind.c - what a static C library wants of an unwinder, for cancelled threads and
 * pthread_exit(), which this program has not. The tables that an unwinder works with are a tenth of
 * a static binary, and are not in it: cmake/no-unwind.ld.
 */
#include <stdlib.h>
#include <unwind.h>

_Unwind_Reason_Code _Unwind_ForcedUnwind(struct _Unwind_Exception *e, _Unwind_Stop_Fn fn, void *arg)
{
	(void)e;
	(void)fn;
	(void)arg;
	abort();
}

void _Unwind_Resume(struct _Unwind_Exception *e)
{
	(void)e;
	abort();
}

_Unwind_Word _Unwind_GetCFA(struct _Unwind_Context *context)
{
	(void)context;
	abort();
}

/* The routine that frames with clean-ups name; it is called by an unwinder alone. */
_Unwind_Reason_Code __gcc_personality_v0(int version, _Unwind_Action actions,
					 _Unwind_Exception_Class class,
					 struct _Unwind_Exception *e, struct _Unwind_Context *context);
_Unwind_Reason_Code __gcc_personality_v0(int version, _Unwind_Action actions,
					 _Unwind_Exception_Class class,
					 struct _Unwind_Exception *e, struct _Unwind_Context *context)
{
	(void)version;
	(void)actions;
	(void)class;
	(void)e;
	(void)context;
	abort();
}
