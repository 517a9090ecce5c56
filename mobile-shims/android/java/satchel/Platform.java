// SPDX-License-Identifier: Apache-2.0
package satchel;

/** Clock and randomness other than the operating system's, for tests. Must not call the device. */
public interface Platform {
    /** Ms since 1970-01-01 UTC as the clock claims. */
    long wallMs();

    /** Ms since the start of the phone, sleep included. */
    long monotonicMs();

    /** {@link Limits#BOOT_TAG_BYTES} bytes that differ after each start of the phone. */
    byte[] bootTag();

    /** Fills the array. An exception stands for {@link Status#RANDOM_FAILED}. */
    void random(byte[] out);
}
