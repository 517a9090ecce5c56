/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every named limit. Each has a test at the limit and one past it.
 */
#ifndef SATCHEL_BASE_LIMITS_H
#define SATCHEL_BASE_LIMITS_H

/* schema */
#define SATCHEL_LIMIT_FIELDS_PER_RECORD 256 /* values in one record, custom ones included */
#define SATCHEL_LIMIT_TEXT_BYTES 65536      /* any text or bytes value */
#define SATCHEL_LIMIT_SET_ELEMENTS 256      /* elements of one set */
#define SATCHEL_LIMIT_SET_ELEMENT_BYTES 256 /* one element */
#define SATCHEL_LIMIT_TAIL_BYTES 65536      /* bytes of fields that this version does not know, a row */
#define SATCHEL_LIMIT_RECORD_BYTES 262144   /* one encoded record */
#define SATCHEL_LIMIT_CUSTOM_FIELDS 512     /* custom field definitions of one company */
#define SATCHEL_CUSTOM_FIELD_FIRST 1000     /* smallest number of a custom field */
#define SATCHEL_CUSTOM_FIELD_LAST 65535     /* largest */

/* wire */
#define SATCHEL_LIMIT_UNIT_OPS 4096           /* ops of one local transaction */
#define SATCHEL_LIMIT_UNIT_BYTES 1048576      /* one encoded unit */
#define SATCHEL_LIMIT_BASE_EXCEPTIONS 256     /* exceptions of one op */
#define SATCHEL_LIMIT_BODY_BYTES 4194304      /* one request or answer, as sent */
#define SATCHEL_LIMIT_PLAIN_BYTES 16777216    /* one request or answer, decompressed */
#define SATCHEL_LIMIT_COMPRESSION_RATIO 64    /* decompressed / compressed, beyond SATCHEL_LIMIT_RATIO_FREE_BYTES */
#define SATCHEL_LIMIT_RATIO_FREE_BYTES 65536  /* below this plain size any ratio is allowed */
#define SATCHEL_LIMIT_PAGE_BYTES 1048576      /* rows of one page, before its last aggregate */
#define SATCHEL_LIMIT_AGGREGATE_BYTES 1048576 /* values of the children of one root, which travel in one page */
#define SATCHEL_LIMIT_CURSOR_BYTES 4096       /* an opaque cursor */
#define SATCHEL_LIMIT_SCOPES 4096             /* scopes of one user */
#define SATCHEL_LIMIT_UNITS_PER_REQUEST 4096  /* units in one request */
#define SATCHEL_LIMIT_PARENTS 8               /* lives that a new life of a store may go on from */
#define SATCHEL_LIMIT_DIGEST_RANGES 512       /* ranges of one request or answer */
#define SATCHEL_LIMIT_DIGEST_BYTES 16384      /* … and their bytes */

/* query */
#define SATCHEL_LIMIT_CONDITIONS 64    /* conditions of one query */
#define SATCHEL_LIMIT_SORT_KEYS 4      /* sort keys of one query */
#define SATCHEL_LIMIT_PAGE_ROWS 1000   /* rows of one materialised page */
#define SATCHEL_LIMIT_SEARCH_BYTES 256 /* text of a search */

/* access */
#define SATCHEL_LIMIT_ROLES 64 /* roles of one company */

#endif
