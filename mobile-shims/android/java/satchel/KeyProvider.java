// SPDX-License-Identifier: Apache-2.0
package satchel;

/**
 * The platform's keystore. Called on the thread of the call that needs it, with the device held: it must not call the
 * device.
 *
 * <p>An exception stands for {@link Status#KEY_UNAVAILABLE} (the phone is locked, try again); throw
 * {@code Status.KEY_GONE.exception("…")} where the secret was erased. It becomes the cause of what the caller gets.
 */
public interface KeyProvider {
    /** The 32 bytes that belong to this store, made at the first call. The array is wiped after use: give a copy. */
    byte[] secret() throws Exception;

    /** A wipe: secret and anchor are deleted. That there are none is fine. */
    void forget() throws Exception;

    /** A keystore that also keeps a small record by which a store that was put back is known. */
    interface Anchored extends KeyProvider {
        /** What was written last, at most {@link Limits#ANCHOR_BYTES}; null: nothing. */
        byte[] readAnchor() throws Exception;

        void writeAnchor(byte[] anchor) throws Exception;
    }
}
