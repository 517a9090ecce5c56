/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folding of one code point, see satchel_name_fold.
 */
#ifndef SATCHEL_RULES_FOLD_H
#define SATCHEL_RULES_FOLD_H

#include <stdint.h>

/* What a code point becomes: nothing (a mark), a gap, or one or two code points. */
typedef struct satchel_fold {
    uint32_t first;  /* 0: nothing, ' ': a gap between words */
    uint32_t second; /* 0 if there is only one */
} satchel_fold;

satchel_fold satchel_fold_code_point(uint32_t code_point);

#endif
