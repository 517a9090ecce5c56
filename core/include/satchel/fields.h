/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What entities and fields there are: names, types, units, labels and choices, so that a shell can be generic.
 *
 * Their numbers are also constants in the generated <satchel/model.h>. A satchel_fields is a copy made at one moment:
 * fields that the company defines later are seen by the next one. It is immutable, so any thread may read it.
 */
#ifndef SATCHEL_FIELDS_H
#define SATCHEL_FIELDS_H

#include <satchel/device.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct satchel_fields satchel_fields;

/* Types of values. The numbers are stored. */
typedef enum satchel_field_type {
    SATCHEL_FIELD_TYPE_NULL = 0,
    SATCHEL_FIELD_TYPE_BOOL = 1,
    SATCHEL_FIELD_TYPE_INT = 2, /* counts, choices, money in minor units, whatever the unit says */
    SATCHEL_FIELD_TYPE_REAL = 3,
    SATCHEL_FIELD_TYPE_TEXT = 4,
    SATCHEL_FIELD_TYPE_BYTES = 5,
    SATCHEL_FIELD_TYPE_ID = 6,
    SATCHEL_FIELD_TYPE_SET = 7, /* distinct elements of type TEXT or ID */
    SATCHEL_FIELD_TYPE_TIME = 8 /* ms since 1970-01-01 UTC */
} satchel_field_type;

/* What an integer counts. */
typedef enum satchel_field_unit {
    SATCHEL_FIELD_UNIT_NONE = 0,
    SATCHEL_FIELD_UNIT_MONEY = 1, /* minor units of the currency in the record's `currency` field */
    SATCHEL_FIELD_UNIT_METRES = 2,
    SATCHEL_FIELD_UNIT_SECONDS = 3,
    SATCHEL_FIELD_UNIT_DAYS = 4,         /* a calendar day (days since 1970-01-01), or a number of days */
    SATCHEL_FIELD_UNIT_DEGREES_E7 = 5,   /* 1e-7 degree */
    SATCHEL_FIELD_UNIT_QUANTITY_E3 = 6,  /* 1/1000 of the sales unit */
    SATCHEL_FIELD_UNIT_BASIS_POINTS = 7, /* 1/100 per cent */
    SATCHEL_FIELD_UNIT_PERCENT = 8,
    SATCHEL_FIELD_UNIT_BYTES = 9
} satchel_field_unit;

/* Texts are zero-terminated and live as long as the satchel_fields that gave them. */
typedef struct satchel_entity_info {
    uint32_t number;
    const char *name;   /* "order_line" */
    const char *plural; /* "order_lines" */
    const char *label_en;
    const char *label_zh;
    uint32_t root;         /* entity that it travels with, 0 = it is a root */
    uint32_t root_field;   /* field that names the root's row, 0 if it is a root */
    uint32_t anchor_field; /* field that names the customer it hangs on, 0 if none */
    uint32_t owner_field;  /* field that names the owning user, 0 if none */
    uint32_t title_field;  /* field that names a row to a reader, 0 if none */
    uint32_t field_count;  /* the company's own fields included */
    bool fact;             /* created once, never edited */
    bool server_made;      /* never created or edited here */
    bool server_only;      /* never comes to a phone */
} satchel_entity_info;

typedef struct satchel_field_info {
    uint32_t number;
    const char *name; /* "credit_limit_minor" */
    const char *label_en;
    const char *label_zh;
    satchel_field_type type;
    satchel_field_type element; /* SET: TEXT or ID, else NULL */
    satchel_field_unit unit;
    uint32_t group;        /* fields with the same number other than 0 are changed together */
    uint32_t ref;          /* ID and SET of ID: entity referred to, 0 if none */
    uint32_t choice_count; /* 0: no choices */
    uint32_t max_bytes;    /* text, bytes, element of a set */
    int64_t min, max;      /* INT and TIME, inclusive */
    bool required;
    bool read_only;    /* written by the server alone, or computed */
    bool counter;      /* changed by satchel_write_add */
    bool calendar_day; /* unit DAYS: a date, not a number of days */
    bool meta;         /* of every entity: created_at, updated_by, … */
    bool custom;       /* defined by the company */
    bool archived;     /* a dropped custom field */
} satchel_field_info;

typedef struct satchel_choice_info {
    int32_t value;
    const char *name; /* "in_progress" */
    const char *label_en;
    const char *label_zh;
} satchel_choice_info;

/* With the company's own fields as `device` knows them now; NULL: the model alone. Errors: LOCKED, MISUSE, NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_fields_open(satchel_fields **out, satchel_device *device, satchel_error *error);
/* NULL is fine. Readers and builders of records made with it must be closed before. */
void satchel_fields_close(satchel_fields *fields);

uint32_t satchel_fields_entity_count(const satchel_fields *fields);

/* The index-th entity in order of number. Errors: OUT_OF_RANGE. */
SATCHEL_MUST_USE satchel_status satchel_fields_entity_at(const satchel_fields *fields, uint32_t index,
                                                         satchel_entity_info *out);
/* Errors: UNKNOWN_ENTITY. */
SATCHEL_MUST_USE satchel_status satchel_fields_entity(const satchel_fields *fields, uint32_t entity,
                                                      satchel_entity_info *out);
/* By name or plural. Errors: UNKNOWN_ENTITY. */
SATCHEL_MUST_USE satchel_status satchel_fields_entity_named(const satchel_fields *fields, satchel_text name,
                                                            satchel_entity_info *out);

/* The index-th field in order of number. Errors: UNKNOWN_ENTITY, OUT_OF_RANGE. */
SATCHEL_MUST_USE satchel_status satchel_fields_field_at(const satchel_fields *fields, uint32_t entity, uint32_t index,
                                                        satchel_field_info *out);
/* Errors: UNKNOWN_ENTITY, UNKNOWN_FIELD. */
SATCHEL_MUST_USE satchel_status satchel_fields_field(const satchel_fields *fields, uint32_t entity, uint32_t field,
                                                     satchel_field_info *out);
SATCHEL_MUST_USE satchel_status satchel_fields_field_named(const satchel_fields *fields, uint32_t entity,
                                                           satchel_text name, satchel_field_info *out);

/* The index-th choice in order of value. Errors: UNKNOWN_ENTITY, UNKNOWN_FIELD, OUT_OF_RANGE. */
SATCHEL_MUST_USE satchel_status satchel_fields_choice_at(const satchel_fields *fields, uint32_t entity, uint32_t field,
                                                         uint32_t index, satchel_choice_info *out);
/* Errors: UNKNOWN_ENTITY, UNKNOWN_FIELD, OUT_OF_RANGE (no such choice). */
SATCHEL_MUST_USE satchel_status satchel_fields_choice(const satchel_fields *fields, uint32_t entity, uint32_t field,
                                                      int64_t value, satchel_choice_info *out);

#ifdef __cplusplus
}
#endif
#endif
