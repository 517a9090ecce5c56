// SPDX-License-Identifier: Apache-2.0
package satchel;

import java.util.Arrays;

/**
 * What the core calls of one device: keys, clock, randomness. Called from C by name. No exception leaves a method: it
 * becomes a status, and is kept to be the cause of the exception that the status becomes.
 */
final class Callbacks {
    private final KeyProvider keys;
    private final Platform platform;
    private final ThreadLocal<Throwable> failure = new ThreadLocal<>();
    private long lastWallMs;
    private long lastMonotonicMs;
    private byte[] lastTag = new byte[Limits.BOOT_TAG_BYTES];

    private interface Body {
        int run() throws Exception;
    }

    Callbacks(KeyProvider keys, Platform platform) {
        this.keys = keys;
        this.platform = platform;
    }

    boolean hasKeys() {
        return keys != null;
    }

    boolean isAnchored() {
        return keys instanceof KeyProvider.Anchored;
    }

    boolean hasPlatform() {
        return platform != null;
    }

    /** What a callback threw on this thread since it was last asked. */
    Throwable takeFailure() {
        Throwable taken = failure.get();
        failure.remove();
        return taken;
    }

    int secret(byte[] out) {
        return keyed(() -> {
            byte[] secret = keys.secret();
            if (secret == null || secret.length != out.length) {
                return Status.KEY_GONE.number();
            }
            System.arraycopy(secret, 0, out, 0, out.length);
            Arrays.fill(secret, (byte) 0);
            return 0;
        });
    }

    /** `bytes` [0] is set to what was written into `out`. */
    int readAnchor(byte[] out, int[] bytes) {
        return keyed(() -> {
            byte[] anchor = ((KeyProvider.Anchored) keys).readAnchor();
            if (anchor == null || anchor.length > out.length) {
                return Status.NOT_FOUND.number();
            }
            System.arraycopy(anchor, 0, out, 0, anchor.length);
            bytes[0] = anchor.length;
            return 0;
        });
    }

    int writeAnchor(byte[] anchor) {
        return keyed(() -> {
            ((KeyProvider.Anchored) keys).writeAnchor(anchor);
            return 0;
        });
    }

    int forget() {
        return keyed(() -> {
            keys.forget();
            return 0;
        });
    }

    /** The clock cannot fail towards the core: it stands still instead. */
    synchronized void now(long[] times, byte[] tag) {
        try {
            long wallMs = platform.wallMs();
            long monotonicMs = platform.monotonicMs();
            byte[] fresh = Arrays.copyOf(platform.bootTag(), Limits.BOOT_TAG_BYTES);
            lastWallMs = wallMs;
            lastMonotonicMs = monotonicMs;
            lastTag = fresh;
        } catch (RuntimeException | Error thrown) {
            failure.set(thrown);
        }
        times[0] = lastWallMs;
        times[1] = lastMonotonicMs;
        System.arraycopy(lastTag, 0, tag, 0, tag.length);
    }

    int random(byte[] out) {
        try {
            platform.random(out);
            return 0;
        } catch (RuntimeException | Error thrown) {
            failure.set(thrown);
            return Status.RANDOM_FAILED.number();
        }
    }

    private int keyed(Body body) {
        try {
            return body.run();
        } catch (SatchelException refused) {
            failure.set(refused);
            return refused.status() == Status.KEY_GONE ? Status.KEY_GONE.number() : Status.KEY_UNAVAILABLE.number();
        } catch (Exception | Error thrown) {
            failure.set(thrown);
            return Status.KEY_UNAVAILABLE.number();
        }
    }
}
