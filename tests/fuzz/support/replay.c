/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The main of a fuzz target where there is no libFuzzer (with it, what it has to do first):
 *
 *   fuzz_NAME FOLDER [--spoilt N] [--seed S]   each input of the folder, and N spoilt versions of each
 *   fuzz_NAME --seeds FOLDER                   writes what the real encoders make
 *
 * An input's file is named by the first 16 hex digits of its SHA-256, so that none changes unseen. Each file is told
 * before it is taken: the last line of a run that died names the culprit, and the seed gives its spoilt version again.
 */
#include "fuzz/support/fuzz.h"

#include "crypto/crypto.h"
#include "crypto/hash.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_BYTES 17
#define PATH_BYTES 512
#define INPUT_BYTES_MOST (1u << 20)

static const char *seed_folder;
static unsigned long seed_count;

static void name_of(satchel_bytes input, char out[NAME_BYTES]) {
    uint8_t hash[SATCHEL_HASH_BYTES];
    satchel_sha256_of(input, hash);
    satchel_hex_write(satchel_bytes_of(hash, (NAME_BYTES - 1) / 2), out);
}

void fuzz_seed(satchel_bytes input) {
    char name[NAME_BYTES];
    char path[PATH_BYTES];
    name_of(input, name);
    snprintf(path, sizeof path, "%s/%s", seed_folder, name);
    FILE *file = fopen(path, "wb");
    FUZZ_HOLDS(file != NULL);
    FUZZ_HOLDS(fwrite(input.data, 1, input.bytes, file) == input.bytes);
    FUZZ_HOLDS(fclose(file) == 0);
    seed_count++;
}

/* A copy of exactly its length, so that a read past the end is seen. */
static void take(satchel_bytes input) {
    uint8_t *copy = malloc(input.bytes > 0 ? input.bytes : 1);
    FUZZ_HOLDS(copy != NULL);
    memcpy(copy, input.data, input.bytes);
    fuzz_name_input(satchel_bytes_of(copy, input.bytes));
    (void)LLVMFuzzerTestOneInput(copy, input.bytes);
    fuzz_name_input((satchel_bytes){NULL, 0});
    free(copy);
}

/* Changes, drops, doubles or inserts a few bytes. */
static void spoil(test_random *random, satchel_buffer *bytes) {
    for (uint64_t i = 1 + test_random_below(random, 4); i > 0 && bytes->bytes > 0; i--) {
        size_t at = (size_t)test_random_below(random, bytes->bytes);
        uint8_t byte = (uint8_t)test_random_u64(random);
        switch (test_random_below(random, 6)) {
        case 0: bytes->data[at] = byte; break;
        case 1: bytes->data[at] ^= (uint8_t)(1u << byte % 8); break;
        case 2: bytes->bytes = at; break;
        case 3: bytes->data[at] = byte % 2 == 0 ? 0xff : 0; break;
        case 4: memmove(bytes->data + at, bytes->data + at + 1, --bytes->bytes - at); break;
        default:
            fuzz_append(bytes, satchel_bytes_of(&byte, 1));
            memmove(bytes->data + at + 1, bytes->data + at, bytes->bytes - at - 1);
            bytes->data[at] = byte;
            break;
        }
    }
}

static void take_spoilt(satchel_bytes input, unsigned long count, test_random *random) {
    satchel_buffer bytes = {NULL, 0, 0};
    for (unsigned long i = 0; i < count; i++) {
        satchel_buffer_clear(&bytes);
        fuzz_append(&bytes, input);
        spoil(random, &bytes);
        take(satchel_buffer_view(&bytes));
    }
    satchel_buffer_deinit(&bytes);
}

static bool read_file(const char *path, satchel_buffer *out) {
    FILE *file = fopen(path, "rb");
    satchel_buffer_clear(out);
    if (file == NULL || satchel_buffer_reserve(out, INPUT_BYTES_MOST) != SATCHEL_OK) {
        return false;
    }
    out->bytes = fread(out->data, 1, INPUT_BYTES_MOST, file);
    return fclose(file) == 0 && out->bytes < INPUT_BYTES_MOST;
}

/* The seed of a file's spoilt versions follows from its name, so that files can come and go. */
static uint64_t seed_of(uint64_t seed, const char *name) {
    return seed + strtoull(name, NULL, 16);
}

static int replay(const char *folder, unsigned long spoilt, uint64_t seed) {
    struct dirent **entries = NULL;
    satchel_buffer input = {NULL, 0, 0};
    unsigned long passed = 0, failed = 0;
    int count = scandir(folder, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char name[NAME_BYTES];
        char path[PATH_BYTES];
        if (entries[i]->d_name[0] != '.') {
            snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
            FUZZ_HOLDS(read_file(path, &input));
            name_of(satchel_buffer_view(&input), name);
            printf("%s\n", path);
            fflush(stdout);
            if (strcmp(name, entries[i]->d_name) != 0) {
                printf("%s: its content is named %s\n", path, name);
                failed++;
            }
            test_random random = test_random_of(seed_of(seed, name));
            take(satchel_buffer_view(&input));
            take_spoilt(satchel_buffer_view(&input), spoilt, &random);
            passed++;
        }
        free(entries[i]);
    }
    free(entries);
    satchel_buffer_deinit(&input);
    printf("%lu spoilt, seed %" PRIu64 "\n%lu passed, %lu failed\n", passed * spoilt, seed, passed, failed);
    return passed > 0 && failed == 0 ? 0 : 1;
}

#ifdef SATCHEL_FUZZ_LIBFUZZER

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    (void)replay;
    FUZZ_HOLDS(satchel_crypto_init() == SATCHEL_OK);
    return 0;
}

#else

int main(int argc, char **argv) {
    const char *folder = NULL;
    unsigned long spoilt = 0;
    uint64_t seed = 1;
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (more && strcmp(argv[i], "--seeds") == 0) {
            seed_folder = argv[++i];
        } else if (more && strcmp(argv[i], "--spoilt") == 0) {
            spoilt = strtoul(argv[++i], NULL, 10);
        } else if (more && strcmp(argv[i], "--seed") == 0) {
            seed = strtoull(argv[++i], NULL, 10);
        } else {
            folder = argv[i];
        }
    }
    FUZZ_HOLDS(satchel_crypto_init() == SATCHEL_OK);
    if (seed_folder != NULL) {
        fuzz_seeds();
        printf("%lu seeds\n", seed_count);
        return 0;
    }
    if (folder == NULL) {
        fprintf(stderr, "usage: %s FOLDER [--spoilt N] [--seed S] | --seeds FOLDER\n", argv[0]);
        return 2;
    }
    return replay(folder, spoilt, seed);
}

#endif
