/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the handset's judge and its scenes: what fills the images, and how things are hashed.
 */
#ifndef SATCHEL_TESTS_FAULT_SUPPORT_HANDSET_SCENES_H
#define SATCHEL_TESTS_FAULT_SUPPORT_HANDSET_SCENES_H

#include "fault/support/handset.h"

#include <satchel/read.h>

#define HANDSET_PIN "271828"
#define HANDSET_WORDS "huaning"

/* Encodes once what the scenes write, so that their acts hold nothing but calls of the device. */
bool handset_encode_changes(void);
void handset_forget_changes(void);

satchel_status handset_fill(handset *phone);
satchel_status handset_store_page(handset *phone);
satchel_status handset_lose_scope(handset *phone);

satchel_status handset_open(handset *phone);
uint64_t handset_hash(uint64_t hash, const void *data, size_t bytes);
uint64_t handset_hash_page(uint64_t hash, const satchel_page *page);

#endif
