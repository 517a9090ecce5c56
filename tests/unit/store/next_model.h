/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model that could follow today's, to upgrade stores to before there is one: a new entity, new fields (one searched,
 * one that gets an index), an index over a column that has rows, a field that is searched from now on.
 */
#ifndef SATCHEL_TESTS_STORE_NEXT_MODEL_H
#define SATCHEL_TESTS_STORE_NEXT_MODEL_H

#include "kit.h"
#include "store/migrate.h"

#define NEXT_HOURS 160  /* text, searched */
#define NEXT_SEEN 161   /* time */
#define NEXT_PARENT 162 /* id of a customer, indexed */
#define NEXT_ENTITY 29

typedef struct next_model {
    satchel_model model;
    satchel_entity entities[64];
    satchel_field customer[128];
    satchel_field visit[128];
} next_model;

/* The struct must not move afterwards. */
satchel_store_release next_release(next_model *next);
/* Opens the store again, by a release; the database stays. */
satchel_status kit_open_release(store_kit *kit, const satchel_store_release *release);
/* What a server of the next model puts into a record of a customer, as today's model sees it: bytes of unknown fields.
 */
satchel_bytes next_tail(store_kit *kit, const char *hours, int64_t seen_ms);

#endif
