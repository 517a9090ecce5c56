// SPDX-License-Identifier: Apache-2.0
package satchel;

/** How a store is made or opened. At least one of keys and PIN is needed. */
public final class DeviceConfig {
    final String folder;
    KeyProvider keys;
    Platform platform;
    char[] pin;
    int argon2MemoryKib;
    int argon2Passes;
    StoreCipher cipher = StoreCipher.BEST;
    boolean acceptRolledBack;

    /** The folder holds key file and store: one folder per server and user, made if absent. */
    public DeviceConfig(String folder) {
        this.folder = folder;
    }

    public DeviceConfig keys(KeyProvider provider) {
        keys = provider;
        return this;
    }

    /** Borrowed until the store is open; the caller wipes it. */
    public DeviceConfig pin(char[] digits) {
        pin = digits;
        return this;
    }

    /** Clock and randomness of tests; null: the operating system's. */
    public DeviceConfig platform(Platform replaced) {
        platform = replaced;
        return this;
    }

    /** PIN hardening of a new store; 0 and 0: measured on this phone. */
    public DeviceConfig argon2(int memoryKib, int passes) {
        argon2MemoryKib = memoryKib;
        argon2Passes = passes;
        return this;
    }

    public DeviceConfig cipher(StoreCipher chosen) {
        cipher = chosen;
        return this;
    }

    /** An administrator's decision: open although the company locks stores that were put back. */
    public DeviceConfig acceptRolledBack(boolean accepted) {
        acceptRolledBack = accepted;
        return this;
    }
}
