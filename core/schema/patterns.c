/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The patterns by hand, because regular expressions of the C library depend on the locale and may run without bound.
 */
#include "schema/patterns.h"

#include "base/text.h"

#define PHONE_DIGITS_LEAST 3
#define PHONE_DIGITS_MOST 20
#define EXTENSION_DIGITS_MOST 8
#define EMAIL_BYTES_MOST 254
#define LOCAL_BYTES_MOST 64
#define LABEL_BYTES_MOST 63

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_beyond_ascii(char c) {
    return ((unsigned char)c & 0x80u) != 0;
}

static bool is_one_of(char c, const char *set) {
    return c != '\0' && strchr(set, c) != NULL;
}

static bool matches_phone(satchel_text text) {
    size_t at = 0, digits = 0, extension = 0;
    if (at < text.bytes && text.data[at] == '+') {
        at++;
    }
    for (; at < text.bytes && !is_one_of(text.data[at], "xX"); at++) {
        if (is_digit(text.data[at])) {
            digits++;
        } else if (!is_one_of(text.data[at], " -./()")) {
            return false;
        }
    }
    if (digits < PHONE_DIGITS_LEAST || digits > PHONE_DIGITS_MOST) {
        return false;
    }
    if (at == text.bytes) {
        return true;
    }
    for (at++; at < text.bytes && is_digit(text.data[at]); at++) {
        extension++;
    }
    return at == text.bytes && extension >= 1 && extension <= EXTENSION_DIGITS_MOST;
}

static bool matches_local_part(satchel_text local) {
    if (local.bytes == 0 || local.bytes > LOCAL_BYTES_MOST || local.data[0] == '.' ||
        local.data[local.bytes - 1] == '.') {
        return false;
    }
    for (size_t i = 0; i < local.bytes; i++) {
        char c = local.data[i];
        bool two_dots = i > 0 && c == '.' && local.data[i - 1] == '.';
        if (two_dots || (unsigned char)c <= ' ' || c == 0x7F || is_one_of(c, "()<>[]:;@\\,\"")) {
            return false;
        }
    }
    return true;
}

static bool matches_label(satchel_text label) {
    if (label.bytes == 0 || label.bytes > LABEL_BYTES_MOST || label.data[0] == '-' ||
        label.data[label.bytes - 1] == '-') {
        return false;
    }
    for (size_t i = 0; i < label.bytes; i++) {
        char c = label.data[i];
        if (!is_digit(c) && !is_letter(c) && c != '-' && !is_beyond_ascii(c)) {
            return false;
        }
    }
    return true;
}

static bool matches_domain(satchel_text domain) {
    size_t labels = 0, start = 0;
    for (size_t i = 0; i <= domain.bytes; i++) {
        if (i == domain.bytes || domain.data[i] == '.') {
            if (!matches_label((satchel_text){domain.data + start, i - start})) {
                return false;
            }
            labels++;
            start = i + 1;
        }
    }
    return labels >= 2;
}

static bool matches_email(satchel_text text) {
    size_t at = 0;
    while (at < text.bytes && text.data[at] != '@') {
        at++;
    }
    return text.bytes <= EMAIL_BYTES_MOST && at < text.bytes && matches_local_part((satchel_text){text.data, at}) &&
           matches_domain((satchel_text){text.data + at + 1, text.bytes - at - 1});
}

static bool matches_currency(satchel_text text) {
    for (size_t i = 0; i < text.bytes; i++) {
        if (text.data[i] < 'A' || text.data[i] > 'Z') {
            return false;
        }
    }
    return text.bytes == 3;
}

static bool begins_with(satchel_text text, const char *prefix) {
    size_t bytes = strlen(prefix);
    return text.bytes >= bytes && memcmp(text.data, prefix, bytes) == 0;
}

static bool matches_url(satchel_text text) {
    size_t scheme = begins_with(text, "https://") ? 8 : begins_with(text, "http://") ? 7 : 0;
    if (scheme == 0 || text.bytes == scheme || is_one_of(text.data[scheme], "/?#:")) {
        return false;
    }
    for (size_t i = scheme; i < text.bytes; i++) {
        if ((unsigned char)text.data[i] <= ' ' || text.data[i] == 0x7F) {
            return false;
        }
    }
    return true;
}

static const struct pattern {
    const char *name;
    bool (*matches)(satchel_text text);
} patterns[] = {
    {"phone", matches_phone},
    {"email", matches_email},
    {"currency", matches_currency},
    {"url", matches_url},
};

static const struct pattern *find(const char *name) {
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        if (strcmp(patterns[i].name, name) == 0) {
            return &patterns[i];
        }
    }
    return NULL;
}

bool satchel_pattern_known(const char *name) {
    return find(name) != NULL;
}

bool satchel_pattern_matches(const char *name, satchel_text text) {
    const struct pattern *pattern = find(name);
    return pattern != NULL && pattern->matches(text);
}
