/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the store says when the VFS below SQLite fails: the reason, not the bare I/O error that SQLite makes of it.
 */
#include "kit.h"
#include "support/temp.h"
#include "vault/vault.h"

#include <string.h>

static satchel_status secret(void *context, uint8_t out[32]) {
    (void)context;
    memset(out, 9, 32);
    return SATCHEL_OK;
}

typedef struct failing_random {
    satchel_random below;
    bool fails;
} failing_random;

static satchel_status fill(void *context, uint8_t *out, size_t bytes) {
    const failing_random *random = context;
    return random->fails ? SATCHEL_RANDOM_FAILED : random->below.fill(random->below.context, out, bytes);
}

TEST(trouble, regress_a_failed_random_source_is_named_by_the_store) {
    test_temp temp = test_temp_make();
    failing_random random = {.below = satchel_random_system()};
    satchel_vault_config config;
    satchel_vault *vault = NULL;
    store_kit kit = {.now_ms = 1};
    uint8_t much[64 * 1024] = {1}; /* more pages than there are nonces in a batch */
    satchel_vault_config_init(&config);
    config.folder = temp.path;
    config.random = (satchel_random){fill, &random};
    config.unlock = (satchel_vault_unlock){.slot = SATCHEL_VAULT_SLOT_DEVICE, .keystore = {secret, NULL}};
    REQUIRE_OK(satchel_vault_create(&vault, &config, NULL));
    REQUIRE_OK(satchel_store_open(&kit.store, satchel_vault_database(vault), NULL, NULL));
    random.fails = true;
    satchel_status status = SATCHEL_OK;
    for (int i = 0; i < 100 && status == SATCHEL_OK; i++) {
        much[0]++;
        status = satchel_store_put_value(kit.store, "much", satchel_bytes_of(much, sizeof much), &kit.error);
    }
    CHECK_STATUS(status, SATCHEL_RANDOM_FAILED);
    CHECK_STATUS(satchel_store_put_value(kit.store, "more", satchel_bytes_of(much, 1), &kit.error),
                 SATCHEL_RANDOM_FAILED); /* poisoned for good */
    satchel_store_close(kit.store);
    satchel_vault_close(vault);
    test_temp_remove(&temp);
}
