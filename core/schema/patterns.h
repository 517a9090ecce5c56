/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checked patterns of text fields, by name. They keep out what cannot be meant, not what cannot be reached: nobody
 * is asked whether the number rings.
 *
 *   phone     an optional +, then 3 … 20 digits with blanks, hyphens, dots, slashes and brackets between them, then an
 *             optional extension: x and 1 … 8 digits
 *   email     local@domain, at most 254 bytes, local part at most 64 bytes without blanks, brackets, quotes and commas;
 *             the domain has two labels or more of letters, digits, hyphens and any text beyond ASCII (RFC 6531)
 *   currency  three letters A … Z (ISO 4217)
 *   url       http:// or https://, a host, no blanks, no control characters
 */
#ifndef SATCHEL_SCHEMA_PATTERNS_H
#define SATCHEL_SCHEMA_PATTERNS_H

#include <satchel/types.h>

bool satchel_pattern_known(const char *name);

/* Does the valid UTF-8 text have the pattern? An unknown name: false. */
bool satchel_pattern_matches(const char *name, satchel_text text);

#endif
