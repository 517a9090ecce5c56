/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A change of the data key by the shell: every way in that the store had is there after it, or nothing has changed.
 */
#include <satchel/repair.h>

#include "device/device.h"
#include "unit/device/fixture.h"

static satchel_status open_by(phone *p, const char *pin) {
    p->config.pin = pin;
    satchel_status status = satchel_device_open(&p->device, &p->config, &p->error);
    phone_close(p);
    return status;
}

/* A store with a PIN, and a slot beside it by which it is opened for syncing in the background. */
static void set_up(phone *p, uint64_t seed) {
    satchel_vault_config config;
    phone_init(p, seed);
    p->config.pin = "2468";
    phone_create(p);
    satchel_device_vault_config(p->device, NULL, &config);
    REQUIRE_OK(satchel_vault_slot_add(p->device->vault, &config.unlock, &p->error));
    phone_close(p);
}

TEST(rekey, regress_the_slot_beside_the_pin_stays) {
    phone p;
    set_up(&p, 990);
    REQUIRE_OK(satchel_device_rekey(&p.config, &p.error));
    CHECK_STATUS(open_by(&p, "2468"), SATCHEL_OK);
    CHECK_STATUS(open_by(&p, NULL), SATCHEL_OK);
    CHECK_STATUS(open_by(&p, "1357"), SATCHEL_WRONG_PIN);
    phone_deinit(&p);
}

TEST(rekey, regress_without_the_pin_it_is_refused_and_nothing_changes) {
    phone p;
    set_up(&p, 991);
    p.config.pin = NULL;
    CHECK_STATUS(satchel_device_rekey(&p.config, &p.error), SATCHEL_REQUIRED_BEFORE);
    CHECK_STATUS(open_by(&p, "2468"), SATCHEL_OK);
    CHECK_STATUS(open_by(&p, NULL), SATCHEL_OK);
    phone_deinit(&p);
}

/* The PIN's slot was made without a keystore, the other one with it. */
TEST(rekey, without_the_keystore_it_is_refused_too) {
    phone p;
    satchel_vault_config config;
    phone_init(&p, 992);
    const satchel_key_provider keys = p.config.keys;
    p.config.keys = (satchel_key_provider){.context = NULL};
    p.config.pin = "2468";
    phone_create(&p);
    satchel_device_vault_config(p.device, NULL, &config);
    config.unlock.keystore = (satchel_vault_keystore){keys.secret, keys.context};
    REQUIRE_OK(satchel_vault_slot_add(p.device->vault, &config.unlock, &p.error));
    phone_close(&p);
    CHECK_STATUS(satchel_device_rekey(&p.config, &p.error), SATCHEL_REQUIRED_BEFORE);
    p.config.keys = keys;
    REQUIRE_OK(satchel_device_rekey(&p.config, &p.error));
    CHECK_STATUS(open_by(&p, NULL), SATCHEL_OK);
    CHECK_STATUS(open_by(&p, "2468"), SATCHEL_OK);
    phone_deinit(&p);
}
