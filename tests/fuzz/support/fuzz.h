/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a fuzz target is made of: LLVMFuzzerTestOneInput of libFuzzer, invariants that end the process, a meter of what
 * satchel_memory_* gave out, and seeds from the real encoders. support/replay.c is the main where there is no
 * libFuzzer.
 */
#ifndef SATCHEL_TESTS_FUZZ_SUPPORT_FUZZ_H
#define SATCHEL_TESTS_FUZZ_SUPPORT_FUZZ_H

#include "base/bytes.h"
#include "support/random.h"

/* Each target defines both. The input is a heap block of exactly its length. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);
/* Gives inputs that the real encoders made, one fuzz_seed each; the same at every call. */
void fuzz_seeds(void);

/* Writes one seed into the folder of --seeds, named by its content. */
void fuzz_seed(satchel_bytes input);

/* The input that a broken invariant shows, as hexadecimal. The replay names each of them. */
void fuzz_name_input(satchel_bytes input);

/* An invariant; a broken one ends the process. */
#define FUZZ_HOLDS(condition) ((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #condition))
_Noreturn void fuzz_fail(const char *file, int line, const char *condition);

/*
 * Between the two nothing but one input is handled: at the end all memory was given back, and there never was more than
 * `most_bytes` at once. Ends also if the meter is not linked in.
 */
void fuzz_begin(void);
void fuzz_end(size_t most_bytes);
/* The same where caches stay open between inputs: they never hold more than `kept_bytes` more than at the first begin.
 */
void fuzz_end_keeping(size_t most_bytes, size_t kept_bytes);

/* Takes the first byte as a choice among `count`; 0 of an empty input. */
uint8_t fuzz_choice(satchel_reader *input, uint8_t count);
/* What is left of the input. */
satchel_bytes fuzz_rest(const satchel_reader *input);
/* The next `bytes` of the input, zeros behind its end. */
void fuzz_fill(satchel_reader *input, uint8_t *out, size_t bytes);

/* Starts a seed with a choice. */
void fuzz_start_seed(satchel_buffer *seed, uint8_t choice);
/* Appends; ends the process without memory. */
void fuzz_append(satchel_buffer *out, satchel_bytes bytes);
void fuzz_append_text(satchel_buffer *out, const char *text);

/* A wall clock, a random source, a key: fixed, so that an input says all. */
void fuzz_fixed_key(uint8_t *out, size_t bytes);

#endif
