/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Name keys: what makes two spellings of a customer's name the same, on phone and server alike.
 */
#ifndef SATCHEL_RULES_NAMES_H
#define SATCHEL_RULES_NAMES_H

#include "base/bytes.h"
#include "base/text.h"

/*
 * Folded form for comparing and searching: full-width to half-width, lower case, diacritics of Latin letters removed,
 * punctuation and white space to single spaces, trimmed. Appends to `out`. Errors: NO_MEMORY, BAD_TEXT.
 */
SATCHEL_MUST_USE satchel_status satchel_name_fold(satchel_text name, satchel_buffer *out);

/* The folded form without spaces and without legal forms ("有限公司", "股份", "Ltd", "GmbH", "S.A.", …). Errors: as
 * fold. */
SATCHEL_MUST_USE satchel_status satchel_name_key(satchel_text name, satchel_buffer *out);

/*
 * Likeness of two keys, 0 … 1000: Dice coefficient over their code point bigrams (2 × common / total), 1000 if equal.
 * Symmetric. Keys longer than 256 code points are compared by their first 256.
 */
uint32_t satchel_name_likeness(satchel_text key_a, satchel_text key_b);

/* Digits of a phone number without separators, a leading + kept; "0086" and "+86" prefixes unify to "+86". Appends. */
SATCHEL_MUST_USE satchel_status satchel_phone_key(satchel_text phone, satchel_buffer *out);

#endif
