/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sorted list of versions of one row. A row has tens of entries, so it is one array with binary search;
 * nothing is freed before the arena is.
 */
#include "merge/versions.h"

#include "base/bytes.h"

#include <string.h>

void satchel_versions_init(satchel_versions *versions, satchel_arena *arena) {
    *versions = (satchel_versions){.arena = arena};
}

static int compare_key(const satchel_version *version, uint32_t field, satchel_bytes element) {
    if (version->field != field) {
        return version->field < field ? -1 : 1;
    }
    return satchel_bytes_compare(version->element, element);
}

/* Index of the first entry that is not before (field, element, n). */
static uint32_t find_place(const satchel_versions *versions, uint32_t field, satchel_bytes element, uint64_t n) {
    uint32_t low = 0;
    uint32_t high = versions->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const satchel_version *version = &versions->items[middle];
        int order = compare_key(version, field, element);
        if (order < 0 || (order == 0 && version->n < n)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool is_at(const satchel_versions *versions, uint32_t index, uint32_t field, satchel_bytes element) {
    return index < versions->count && compare_key(&versions->items[index], field, element) == 0;
}

const satchel_version *satchel_versions_find(const satchel_versions *versions, uint32_t field, satchel_bytes element) {
    uint32_t index = find_place(versions, field, element, 0);
    return is_at(versions, index, field, element) ? &versions->items[index] : NULL;
}

static satchel_status make_room(satchel_versions *versions) {
    if (versions->count < versions->capacity) {
        return SATCHEL_OK;
    }
    if (versions->capacity > UINT32_MAX / 2) {
        return SATCHEL_NO_MEMORY;
    }
    uint32_t capacity = versions->capacity < 16 ? 16 : versions->capacity * 2;
    satchel_version *items = satchel_arena_take_array(versions->arena, capacity, sizeof *items);
    if (items == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    if (versions->count > 0) {
        memcpy(items, versions->items, versions->count * sizeof *items);
    }
    versions->items = items;
    versions->capacity = capacity;
    return SATCHEL_OK;
}

static satchel_status insert(satchel_versions *versions, uint32_t index, const satchel_version *version) {
    satchel_version copy = *version;
    copy.element = (satchel_bytes){NULL, 0};
    satchel_status status = SATCHEL_OK;
    if (version->element.bytes > 0) {
        status = satchel_arena_copy(versions->arena, version->element, &copy.element);
    }
    if (status == SATCHEL_OK) {
        status = make_room(versions);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_version *place = &versions->items[index];
    if (index < versions->count) {
        memmove(place + 1, place, (versions->count - index) * sizeof *place);
    }
    *place = copy;
    versions->count++;
    return SATCHEL_OK;
}

static void overwrite(satchel_version *place, const satchel_version *version) {
    satchel_bytes element = place->element;
    *place = *version;
    place->element = element;
}

static void cut(satchel_versions *versions, uint32_t first, uint32_t end) {
    if (first < end) {
        memmove(&versions->items[first], &versions->items[end], (versions->count - end) * sizeof *versions->items);
        versions->count -= end - first;
    }
}

satchel_status satchel_versions_put(satchel_versions *versions, const satchel_version *version) {
    uint32_t first = find_place(versions, version->field, version->element, 0);
    if (!is_at(versions, first, version->field, version->element)) {
        return insert(versions, first, version);
    }
    uint32_t end = first + 1;
    while (is_at(versions, end, version->field, version->element)) {
        end++;
    }
    overwrite(&versions->items[first], version);
    cut(versions, first + 1, end);
    return SATCHEL_OK;
}

/* Decoding comes in order: what belongs behind the last entry needs no search. */
static bool is_last(const satchel_versions *versions, const satchel_version *version) {
    if (versions->count == 0) {
        return true;
    }
    const satchel_version *last = &versions->items[versions->count - 1];
    int order = compare_key(last, version->field, version->element);
    return order < 0 || (order == 0 && last->n < version->n);
}

satchel_status satchel_versions_add(satchel_versions *versions, const satchel_version *version) {
    if (is_last(versions, version)) {
        return insert(versions, versions->count, version);
    }
    uint32_t index = find_place(versions, version->field, version->element, version->n);
    if (is_at(versions, index, version->field, version->element) && versions->items[index].n == version->n) {
        overwrite(&versions->items[index], version);
        return SATCHEL_OK;
    }
    return insert(versions, index, version);
}

void satchel_versions_drop(satchel_versions *versions, uint32_t field, satchel_bytes element) {
    uint32_t first = find_place(versions, field, element, 0);
    uint32_t end = first;
    while (is_at(versions, end, field, element)) {
        end++;
    }
    cut(versions, first, end);
}

/* These combine values one by one; for the others a group is one value. */
static bool policy_groups(uint8_t policy) {
    switch (policy) {
    case SATCHEL_POLICY_SET:
    case SATCHEL_POLICY_SUM:
    case SATCHEL_POLICY_MAX:
    case SATCHEL_POLICY_MIN:
    case SATCHEL_POLICY_STATE: return false;
    default: return true;
    }
}

bool satchel_versions_same_cell(const satchel_field *a, const satchel_field *b) {
    if (a->number == b->number) {
        return true;
    }
    return a->group != 0 && a->group == b->group && policy_groups(a->policy) && policy_groups(b->policy);
}

uint32_t satchel_versions_key(const satchel_schema *schema, uint32_t entity, const satchel_field *field) {
    const satchel_entity *table = satchel_schema_entity(schema, entity);
    if (field->group == 0 || table == NULL) {
        return field->number;
    }
    for (uint32_t i = 0; i < table->field_count; i++) {
        if (satchel_versions_same_cell(field, &table->fields[i])) {
            return table->fields[i].number;
        }
    }
    return field->number;
}

uint64_t satchel_versions_newest(const satchel_versions *versions) {
    uint64_t newest = 0;
    for (uint32_t i = 0; i < versions->count; i++) {
        if (versions->items[i].n > newest) {
            newest = versions->items[i].n;
        }
    }
    return newest;
}

/* The classes whose readers see that the entry moved, as bits. A group is seen through any of its members. */
static uint32_t classes_of(const satchel_schema *schema, uint32_t entity, uint32_t number) {
    const satchel_field *field = satchel_schema_field(schema, entity, number);
    if (field == NULL) {
        bool of_row = number == SATCHEL_FIELD_DELETED;
        return 1u << (of_row ? SATCHEL_SENSITIVITY_OPEN : SATCHEL_SENSITIVITY_SECRET);
    }
    uint32_t classes = 1u << field->sensitivity;
    const satchel_entity *table = field->group != 0 ? satchel_schema_entity(schema, entity) : NULL;
    for (uint32_t i = 0; table != NULL && i < table->field_count; i++) {
        const satchel_field *other = &table->fields[i];
        classes |= satchel_versions_same_cell(field, other) ? 1u << other->sensitivity : 0;
    }
    return classes;
}

void satchel_versions_newest_each(const satchel_schema *schema, uint32_t entity, const satchel_versions *versions,
                                  uint64_t out[SATCHEL_SENSITIVITY_COUNT]) {
    uint32_t number = 0;
    uint32_t classes = 0;
    memset(out, 0, SATCHEL_SENSITIVITY_COUNT * sizeof *out);
    for (uint32_t i = 0; i < versions->count; i++) {
        const satchel_version *version = &versions->items[i];
        if (version->field != number || i == 0) { /* elements of a set stand together */
            number = version->field;
            classes = classes_of(schema, entity, number);
        }
        for (uint32_t c = 0; c < SATCHEL_SENSITIVITY_COUNT; c++) {
            out[c] = (classes >> c & 1) != 0 && version->n > out[c] ? version->n : out[c];
        }
    }
}

bool satchel_ancestry_has(const satchel_ancestry *ancestry, const satchel_writer *writer) {
    if (writer->incarnation == 0 || writer->incarnation == SATCHEL_WRITER_SEVERAL) {
        return false;
    }
    for (uint32_t i = 0; i < ancestry->count; i++) {
        const satchel_writer *known = &ancestry->known[i];
        if (known->incarnation == writer->incarnation && known->sequence >= writer->sequence) {
            return true;
        }
    }
    return false;
}
