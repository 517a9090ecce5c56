/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folding of single code points by tables: Latin letters to their plain lower-case form (from the decompositions of the
 * Unicode Character Database, with ø, đ, ł, ß and their like by hand), Greek and Cyrillic to lower case, full-width to
 * half-width, punctuation to gaps. Everything else, Chinese above all, stays as it is.
 */
#include "rules/fold.h"

#include <stdbool.h>
#include <stddef.h>

/* One character a code point; capitals stand for two letters (see pairs), '.' for "stays as it is". */
#define LATIN_FIRST 0x00C0
#define LATIN_END 0x0250
static const char latin[] = "aaaaaaAceeeeiiiidnooooo ouuuuyTSaaaaaaAceeeeiiiidnooooo ouuuuyTy" /* 00C0 */
                            "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiIIjjkkklllllll" /* 0100 */
                            "lllnnnnnnnnnooooooOOrrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs" /* 0140 */
                            "bbbb..occdddd.eeeffg.H.ikkl..nnooo..pp.....ttttuu.vyyzz........." /* 0180 */
                            "....ZZZLLLNNNaaiioouuuuuuuuuueaaaaAAggggkkoooo..jZZZggH.nnaaAAoo" /* 01C0 */
                            "aaaaeeeeiiiioooorrrruuuusstt..hhndUUzzaaeeooooooooyylntj..acclts" /* 0200 */
                            "z..buveejjqqrryy";                                                /* 0240 */

#define EXTENDED_FIRST 0x1E00
#define EXTENDED_END 0x1F00
static const char extended[] = "aabbbbbbccddddddddddeeeeeeeeeeffgghhhhhhhhhhiiiikkkkkkllllllllmm"  /* 1E00 */
                               "mmmmnnnnnnnnoooooooopppprrrrrrrrssssssssssttttttttuuuuuuuuuuvvvv"  /* 1E40 */
                               "wwwwwwwwwwxxxxyyzzzzzzhtwyasssSdaaaaaaaaaaaaaaaaaaaaaaaaeeeeeeee"  /* 1E80 */
                               "eeeeeeeeiiiioooooooooooooooooooooooouuuuuuuuuuuuuuyyyyyyyyMMvvyy"; /* 1EC0 */

_Static_assert(sizeof latin == LATIN_END - LATIN_FIRST + 1, "one character a code point");
_Static_assert(sizeof extended == EXTENDED_END - EXTENDED_FIRST + 1, "one character a code point");

static const struct {
    char mark;
    char first;
    char second;
} pairs[] = {
    {'A', 'a', 'e'}, {'H', 'h', 'v'}, {'I', 'i', 'j'}, {'L', 'l', 'j'}, {'M', 'l', 'l'}, {'N', 'n', 'j'},
    {'O', 'o', 'e'}, {'S', 's', 's'}, {'T', 't', 'h'}, {'U', 'o', 'u'}, {'Z', 'd', 'z'},
};

typedef struct code_range {
    uint32_t first;
    uint32_t last;
} code_range;

/* Marks without a width or an own meaning: soft hyphen, combining diacritics, joiners, variation selectors, BOM. */
static const code_range nothing[] = {
    {0x00AD, 0x00AD}, {0x0300, 0x036F}, {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF}, {0x200B, 0x200F},
    {0x202A, 0x202E}, {0x2060, 0x2064}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFEFF, 0xFEFF},
};

/* Punctuation, symbols and white space outside ASCII. 々 (3005) and 〇 (3007) belong to words. */
static const code_range gaps[] = {
    {0x0080, 0x00A9}, {0x00AB, 0x00AC}, {0x00AE, 0x00B4}, {0x00B6, 0x00B8}, {0x00BB, 0x00BF}, {0x02C2, 0x02DF},
    {0x2000, 0x200A}, {0x2010, 0x2029}, {0x202F, 0x205F}, {0x20A0, 0x20C0}, {0x2190, 0x23FF}, {0x2500, 0x27BF},
    {0x2E00, 0x2E7F}, {0x3000, 0x3004}, {0x3008, 0x3020}, {0x3030, 0x3030}, {0x30FB, 0x30FB}, {0xFE10, 0xFE1F},
    {0xFE30, 0xFE6F}, {0xFF5F, 0xFF65}, {0xFFE0, 0xFFEE},
};

static bool is_in(const code_range *ranges, size_t count, uint32_t code_point) {
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (code_point > ranges[middle].last) {
            low = middle + 1;
        } else if (code_point < ranges[middle].first) {
            high = middle;
        } else {
            return true;
        }
    }
    return false;
}

static satchel_fold single(uint32_t code_point) {
    return (satchel_fold){code_point, 0};
}

static satchel_fold fold_ascii(uint32_t code_point) {
    if (code_point >= 'A' && code_point <= 'Z') {
        return single(code_point + 0x20);
    }
    bool stays = (code_point >= 'a' && code_point <= 'z') || (code_point >= '0' && code_point <= '9');
    return single(stays ? code_point : ' ');
}

static satchel_fold by_table(char mark, uint32_t code_point) {
    if (mark == '.') {
        return single(code_point);
    }
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (pairs[i].mark == mark) {
            return (satchel_fold){(uint32_t)pairs[i].first, (uint32_t)pairs[i].second};
        }
    }
    return single((uint32_t)mark);
}

/* Greek with its accents, Cyrillic: lower case by their fixed distances. */
static uint32_t lower_other(uint32_t code_point) {
    if ((code_point >= 0x0391 && code_point <= 0x03A1) || (code_point >= 0x03A3 && code_point <= 0x03AB) ||
        (code_point >= 0x0410 && code_point <= 0x042F)) {
        return code_point + 0x20;
    }
    if (code_point >= 0x0400 && code_point <= 0x040F) {
        return code_point + 0x50;
    }
    switch (code_point) {
    case 0x0386:
    case 0x03AC: return 0x03B1;
    case 0x0388:
    case 0x03AD: return 0x03B5;
    case 0x0389:
    case 0x03AE: return 0x03B7;
    case 0x038A:
    case 0x03AF: return 0x03B9;
    case 0x038C:
    case 0x03CC: return 0x03BF;
    case 0x038E:
    case 0x03CD: return 0x03C5;
    case 0x038F:
    case 0x03CE: return 0x03C9;
    case 0x03C2: /* final sigma */ return 0x03C3;
    default: return code_point;
    }
}

satchel_fold satchel_fold_code_point(uint32_t code_point) {
    if (code_point >= 0xFF01 && code_point <= 0xFF5E) {
        code_point -= 0xFF01 - 0x21; /* full-width forms mirror ASCII */
    }
    if (code_point < 0x80) {
        return fold_ascii(code_point);
    }
    if (code_point >= LATIN_FIRST && code_point < LATIN_END) {
        return by_table(latin[code_point - LATIN_FIRST], code_point);
    }
    if (code_point >= EXTENDED_FIRST && code_point < EXTENDED_END) {
        return by_table(extended[code_point - EXTENDED_FIRST], code_point);
    }
    if (is_in(nothing, sizeof nothing / sizeof nothing[0], code_point)) {
        return single(0);
    }
    if (is_in(gaps, sizeof gaps / sizeof gaps[0], code_point)) {
        return single(' ');
    }
    return single(lower_other(code_point));
}
