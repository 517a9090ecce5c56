/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the generated entity table means. The table itself is made from proto/satchel/model.proto by the generator;
 * custom fields of the company are added at run time. Nothing here touches a database, a clock or a file.
 */
#ifndef SATCHEL_SCHEMA_SCHEMA_H
#define SATCHEL_SCHEMA_SCHEMA_H

#include <satchel/status.h>
#include <satchel/types.h>

/* Types of values. The numbers are stored. */
typedef enum satchel_type {
    SATCHEL_TYPE_NULL = 0,
    SATCHEL_TYPE_BOOL = 1,
    SATCHEL_TYPE_INT = 2,  /* int64: counts, money in minor units, fixed-point quantities, days, enum values */
    SATCHEL_TYPE_REAL = 3, /* double; never money */
    SATCHEL_TYPE_TEXT = 4, /* UTF-8 */
    SATCHEL_TYPE_BYTES = 5,
    SATCHEL_TYPE_ID = 6,  /* 16 bytes */
    SATCHEL_TYPE_SET = 7, /* sorted distinct elements, text or id */
    SATCHEL_TYPE_TIME = 8 /* ms since 1970-01-01 UTC */
} satchel_type;

/* How a value travels in the entity's protobuf message. */
typedef enum satchel_encoding {
    SATCHEL_ENCODING_VARINT = 0,  /* bool, int32, int64, uint32, uint64, enum */
    SATCHEL_ENCODING_ZIGZAG = 1,  /* sint32, sint64 */
    SATCHEL_ENCODING_FIXED64 = 2, /* double */
    SATCHEL_ENCODING_BYTES = 3    /* string, bytes; repeated for a set */
} satchel_encoding;

/* Merge policies, see core/doc/merge.md. */
typedef enum satchel_policy {
    SATCHEL_POLICY_LATER = 0,
    SATCHEL_POLICY_ASK = 1,
    SATCHEL_POLICY_STRICT = 2, /* the larger enum value is the more restrictive */
    SATCHEL_POLICY_ONCE = 3,
    SATCHEL_POLICY_SET = 4,
    SATCHEL_POLICY_SUM = 5,
    SATCHEL_POLICY_MAX = 6,
    SATCHEL_POLICY_MIN = 7,
    SATCHEL_POLICY_STATE = 8,
    SATCHEL_POLICY_SERVER = 9,
    SATCHEL_POLICY_ONCE_THEN_ASK = 10 /* first value: first wins; from then on ASK (a customer's position) */
} satchel_policy;

/* Who may write a field at all (roles decide further). */
typedef enum satchel_writer_kind {
    SATCHEL_WRITE_ANY_EDITOR = 0,
    SATCHEL_WRITE_OWNER = 1,
    SATCHEL_WRITE_CREATOR = 2,
    SATCHEL_WRITE_MANAGER = 3,
    SATCHEL_WRITE_SERVER = 4
} satchel_writer_kind;

/* Field classes. The numbers index arrays. */
typedef enum satchel_sensitivity {
    SATCHEL_SENSITIVITY_OPEN = 0,
    SATCHEL_SENSITIVITY_PERSONAL = 1,
    SATCHEL_SENSITIVITY_COMMERCIAL = 2,
    SATCHEL_SENSITIVITY_SECRET = 3
} satchel_sensitivity;
#define SATCHEL_SENSITIVITY_COUNT 4

typedef enum satchel_search_kind {
    SATCHEL_SEARCH_NONE = 0,
    SATCHEL_SEARCH_TEXT = 1,
    SATCHEL_SEARCH_EXACT = 2,
    SATCHEL_SEARCH_PHONE = 3,
    SATCHEL_SEARCH_PINYIN = 4 /* text, and its pinyin and initials */
} satchel_search_kind;

typedef enum satchel_unit {
    SATCHEL_UNIT_NONE = 0,
    SATCHEL_UNIT_MONEY = 1, /* minor units of the currency in the record's `currency` field, or its root's */
    SATCHEL_UNIT_METRES = 2,
    SATCHEL_UNIT_SECONDS = 3,
    SATCHEL_UNIT_DAYS = 4,         /* a calendar day: days since 1970-01-01 */
    SATCHEL_UNIT_DEGREES_E7 = 5,   /* 1e-7 degree */
    SATCHEL_UNIT_QUANTITY_E3 = 6,  /* 1/1000 of the sales unit */
    SATCHEL_UNIT_BASIS_POINTS = 7, /* 1/100 per cent */
    SATCHEL_UNIT_PERCENT = 8,
    SATCHEL_UNIT_BYTES = 9
} satchel_unit;

typedef struct satchel_label {
    const char *en;
    const char *zh;
} satchel_label;

/* Largest value of a choice, so that a set of choices is one uint64. */
#define SATCHEL_CHOICE_LAST 63

/* One value of an enum; in a state enum also where it may go. */
typedef struct satchel_choice {
    int32_t value;    /* 1 … SATCHEL_CHOICE_LAST; 0 means unset and is never stored */
    const char *name; /* lower snake case, without the enum's prefix: "in_progress" */
    satchel_label label;
    uint64_t next;       /* STATE: bit v set = this state may go to the choice with value v */
    int32_t rank;        /* STATE: 0 = not terminal; of two terminal states the higher rank wins, of equals the first */
    bool server_only;    /* phones never set it */
    uint32_t rank_field; /* STATE: the rank counts only where the row holds this field; 0 = always */
} satchel_choice;

typedef struct satchel_choices {
    const char *name; /* "VisitStatus" */
    uint32_t count;
    const satchel_choice *items; /* by value */
    int32_t initial;             /* STATE: value of a new row, 0 if none */
} satchel_choices;

/* Flags of a field. */
#define SATCHEL_FIELD_REQUIRED 1u /* must be there in a created row and is never cleared */
#define SATCHEL_FIELD_META 2u     /* of every entity, never set by an op: id, revision, created_at, … */
#define SATCHEL_FIELD_CUSTOM 4u   /* defined at run time */
#define SATCHEL_FIELD_ARCHIVED 8u /* a dropped custom field: kept, not shown, not written */
#define SATCHEL_FIELD_DERIVED 16u /* computed from other rows (order total): sent, checked, never merged */

typedef struct satchel_field {
    uint32_t number;  /* protobuf field number, for ever */
    const char *name; /* "credit_limit" */
    satchel_label label;
    uint8_t type;                   /* satchel_type */
    uint8_t element;                /* SET: TEXT or ID; else NULL */
    uint8_t encoding;               /* satchel_encoding */
    uint8_t policy;                 /* satchel_policy */
    uint8_t group;                  /* 0 = none; fields with the same number merge as one */
    uint8_t writer;                 /* satchel_writer_kind */
    uint8_t sensitivity;            /* satchel_sensitivity */
    uint8_t search;                 /* satchel_search_kind */
    uint8_t unit;                   /* satchel_unit */
    uint8_t flags;                  /* SATCHEL_FIELD_… */
    uint32_t max_bytes;             /* text, bytes, set element: longest in bytes; never 0 for these */
    int64_t min, max;               /* INT and TIME: inclusive */
    const char *pattern;            /* name of a checked pattern ("phone", "email", "currency", "url"), or NULL */
    uint32_t ref;                   /* ID, SET of ID: entity number referred to, 0 if none */
    const satchel_choices *choices; /* INT with an enum type, else NULL */
    uint32_t rules_since;           /* release that last narrowed what it takes; 0: it takes what it always took */
} satchel_field;

/* Flags of an entity. */
#define SATCHEL_ENTITY_FACT 1u         /* append-only: created once, never edited, never deleted by phones */
#define SATCHEL_ENTITY_ARCHIVE 2u      /* archived instead of deleted */
#define SATCHEL_ENTITY_SERVER_MADE 4u  /* phones never create or write it */
#define SATCHEL_ENTITY_COMPANY 8u      /* seen by everybody in the company (product, price list, template, user) */
#define SATCHEL_ENTITY_SERVER_ONLY 16u /* never travels to a phone as a row */

/* Numbers that are the same in every entity's message. */
#define SATCHEL_FIELD_ID 1u
#define SATCHEL_FIELD_CUSTOM_LIST 900u
#define SATCHEL_FIELD_CREATED_AT 901u
#define SATCHEL_FIELD_CREATED_BY 902u
#define SATCHEL_FIELD_CREATED_DEVICE 903u
#define SATCHEL_FIELD_UPDATED_AT 904u
#define SATCHEL_FIELD_UPDATED_BY 905u
#define SATCHEL_FIELD_DELETED 906u
#define SATCHEL_FIELD_REVISION 907u

typedef struct satchel_entity {
    uint32_t number;    /* for ever, 1 … 255 */
    const char *name;   /* "customer" */
    const char *plural; /* "customers" */
    satchel_label label;
    uint8_t flags;         /* SATCHEL_ENTITY_… */
    uint32_t root;         /* entity of the aggregate root that it travels with, 0 = it is a root itself */
    uint32_t root_field;   /* field (ID) that names the root row, 0 if it is a root */
    uint32_t anchor_field; /* field (ID) that names the customer which gives the row its scope, 0 if none */
    uint32_t owner_field;  /* field (ID) that names the owning user (owner, assignee, …), 0 if none */
    uint32_t title_field;  /* field that names the row to a reader, 0 if none */
    uint32_t field_count;
    const satchel_field *fields; /* by number */
} satchel_entity;

typedef struct satchel_model {
    uint32_t version; /* released schema version */
    uint32_t entity_count;
    const satchel_entity *entities; /* by number */
} satchel_model;

/* The generated table. */
extern const satchel_model satchel_generated_model;

/* A custom field: a satchel_field with flag CUSTOM, and the entity that it belongs to. */
typedef struct satchel_custom_field {
    uint32_t entity;
    satchel_field field;
} satchel_custom_field;

/* A model with the company's custom fields. Immutable after init, so it may be read from several threads. */
typedef struct satchel_schema {
    const satchel_model *model;
    const satchel_custom_field *custom; /* by (entity, number); borrowed */
    uint32_t custom_count;
} satchel_schema;

/*
 * `custom` is borrowed and must come sorted by (entity, number).
 * Errors: INVALID_ARGUMENT (not sorted, number outside 1000 … 65535, unknown entity, a name taken twice, a definition
 * that is not whole), LIMIT_EXCEEDED (more than SATCHEL_LIMIT_CUSTOM_FIELDS).
 */
SATCHEL_MUST_USE satchel_status satchel_schema_init(satchel_schema *schema, const satchel_model *model,
                                                    const satchel_custom_field *custom, uint32_t custom_count,
                                                    satchel_error *error);

/* NULL if unknown. */
const satchel_entity *satchel_schema_entity(const satchel_schema *schema, uint32_t entity);
const satchel_entity *satchel_schema_entity_named(const satchel_schema *schema, satchel_text name);
const satchel_field *satchel_schema_field(const satchel_schema *schema, uint32_t entity, uint32_t field);
const satchel_field *satchel_schema_field_named(const satchel_schema *schema, uint32_t entity, satchel_text name);

/* The index-th field of an entity in order of number, custom fields after the model's; NULL past the end. */
const satchel_field *satchel_schema_field_at(const satchel_schema *schema, uint32_t entity, uint32_t index);

/* NULL if the field has no such choice. */
const satchel_choice *satchel_field_choice(const satchel_field *field, int64_t value);
const satchel_choice *satchel_field_choice_named(const satchel_field *field, satchel_text name);

/* Is `to` reachable from `from` along `next` (in one or more steps, or equal)? Unknown values: false. */
bool satchel_choices_reach(const satchel_choices *choices, int64_t from, int64_t to);

/* Entity numbers and field numbers as constants come from the generated header "satchel/model.h". */

#endif
