/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A single value against its field. The work grows with the bytes of the value and no more.
 */
#include "schema/validate.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/text.h"
#include "schema/patterns.h"

#include <math.h>

/* What is judged, so that helpers need one parameter. */
typedef struct judged {
    const satchel_entity *entity;
    const satchel_field *field;
    satchel_error *error;
} judged;

static satchel_status refuse(const judged *what, satchel_status status, const char *sentence) {
    return satchel_fail_field(what->error, status, what->entity->number, what->field->number, "%s.%s %s",
                              what->entity->name, what->field->name, sentence);
}

static satchel_status check_integer(const judged *what, int64_t integer) {
    if (what->field->choices != NULL) {
        return satchel_field_choice(what->field, integer) != NULL
                   ? SATCHEL_OK
                   : refuse(what, SATCHEL_OUT_OF_RANGE, "has no such choice");
    }
    if (integer < what->field->min || integer > what->field->max) {
        return refuse(what, SATCHEL_OUT_OF_RANGE, "is outside its range");
    }
    return SATCHEL_OK;
}

static satchel_status check_text(const judged *what, satchel_bytes bytes) {
    satchel_text text = satchel_text_from(bytes);
    if (bytes.bytes > what->field->max_bytes) {
        return refuse(what, SATCHEL_TOO_LONG, "is too long");
    }
    if (!satchel_text_valid(text)) {
        return refuse(what, SATCHEL_BAD_TEXT, "is not valid UTF-8");
    }
    if (what->field->pattern != NULL && bytes.bytes > 0 && !satchel_pattern_matches(what->field->pattern, text)) {
        return refuse(what, SATCHEL_PATTERN_MISMATCH, "does not have its pattern");
    }
    return SATCHEL_OK;
}

static satchel_status check_element(const judged *what, satchel_bytes element) {
    if (element.bytes == 0) {
        return refuse(what, SATCHEL_OUT_OF_RANGE, "has an empty element");
    }
    if (what->field->element == SATCHEL_TYPE_TEXT) {
        return check_text(what, element);
    }
    satchel_id id;
    if (satchel_id_from(element, &id) != SATCHEL_OK) {
        return refuse(what, SATCHEL_WRONG_TYPE, "has an element that is no id");
    }
    return satchel_id_is_none(&id) ? refuse(what, SATCHEL_OUT_OF_RANGE, "refers to nothing") : SATCHEL_OK;
}

static satchel_status check_set(const judged *what, const satchel_set *set) {
    if (set->count > SATCHEL_LIMIT_SET_ELEMENTS) {
        return refuse(what, SATCHEL_LIMIT_EXCEEDED, "has too many elements");
    }
    for (uint32_t i = 0; i < set->count; i++) {
        satchel_status status = check_element(what, set->elements[i]);
        if (status != SATCHEL_OK) {
            return status;
        }
        if (i > 0 && satchel_bytes_compare(set->elements[i - 1], set->elements[i]) >= 0) {
            return refuse(what, SATCHEL_WRONG_TYPE, "is no canonical set");
        }
    }
    return SATCHEL_OK;
}

static bool is_empty(const satchel_value *value) {
    switch (value->type) {
    case SATCHEL_TYPE_NULL: return true;
    case SATCHEL_TYPE_TEXT: return satchel_text_trim(satchel_text_from(value->as.bytes)).bytes == 0;
    case SATCHEL_TYPE_SET: return value->as.set.count == 0;
    default: return false;
    }
}

static satchel_status check_content(const judged *what, const satchel_value *value) {
    switch (value->type) {
    case SATCHEL_TYPE_INT:
    case SATCHEL_TYPE_TIME: return check_integer(what, value->as.integer);
    case SATCHEL_TYPE_REAL:
        return isfinite(value->as.real) ? SATCHEL_OK : refuse(what, SATCHEL_OUT_OF_RANGE, "is not finite");
    case SATCHEL_TYPE_TEXT: return check_text(what, value->as.bytes);
    case SATCHEL_TYPE_BYTES:
        return value->as.bytes.bytes <= what->field->max_bytes ? SATCHEL_OK
                                                               : refuse(what, SATCHEL_TOO_LONG, "is too long");
    case SATCHEL_TYPE_ID:
        return satchel_id_is_none(&value->as.id) ? refuse(what, SATCHEL_OUT_OF_RANGE, "refers to nothing") : SATCHEL_OK;
    case SATCHEL_TYPE_SET: return check_set(what, &value->as.set);
    case SATCHEL_TYPE_NULL:
    case SATCHEL_TYPE_BOOL: break;
    }
    return SATCHEL_OK;
}

satchel_status satchel_validate_value(const satchel_entity *entity, const satchel_field *field,
                                      const satchel_value *value, satchel_error *error) {
    judged what = {entity, field, error};
    if (value->type != SATCHEL_TYPE_NULL) {
        if (value->type != (satchel_type)field->type) {
            return refuse(&what, SATCHEL_WRONG_TYPE, "has a value of another type");
        }
        satchel_status status = check_content(&what, value);
        if (status != SATCHEL_OK) {
            return status;
        }
    }
    if ((field->flags & SATCHEL_FIELD_REQUIRED) != 0 && is_empty(value)) {
        return refuse(&what, SATCHEL_REQUIRED_MISSING, "is required");
    }
    return SATCHEL_OK;
}
