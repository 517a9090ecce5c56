/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Results for people: {"rows": […]} as a table with aligned columns (a Chinese character is two columns wide),
 * everything else as "name value" lines.
 */
#ifndef SATCHEL_SERVER_ADMIN_TABLE_H
#define SATCHEL_SERVER_ADMIN_TABLE_H

#include "base/bytes.h"

#include <jansson.h>

/* Appends. Columns that are empty in every row are left out. Errors: NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_table_write(json_t *result, satchel_buffer *out);

#endif
