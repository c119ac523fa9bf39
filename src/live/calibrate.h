/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * calibrate.h - finds the layout of the running kernel's structures by looking.
 */
#ifndef DQ_CALIBRATE_H
#define DQ_CALIBRATE_H

#include "ksyms.h"
#include "layout.h"

/*
 * Makes things happen in this process whose effect on the kernel's memory is known (names, numbers,
 * opened files, mappings), reads that memory and finds them. What could not be found, or not without
 * doubt, stays unknown. 0, or -errno when this kernel's memory cannot be read at all.
 */
int calibrate(struct layout *lo, const struct dq_ksyms *ksyms);

#endif /* DQ_CALIBRATE_H */
