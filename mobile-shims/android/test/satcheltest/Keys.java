// SPDX-License-Identifier: Apache-2.0
package satcheltest;

import java.security.SecureRandom;
import satchel.KeyProvider;

/** A keystore in memory that can be told to fail. */
final class Keys implements KeyProvider.Anchored {
    private byte[] secret;
    private byte[] anchor;
    volatile RuntimeException failure;

    private void failIfTold() {
        if (failure != null) {
            throw failure;
        }
    }

    @Override
    public synchronized byte[] secret() {
        failIfTold();
        if (secret == null) {
            secret = new byte[32];
            new SecureRandom().nextBytes(secret);
        }
        return secret.clone();
    }

    @Override
    public synchronized byte[] readAnchor() {
        failIfTold();
        return anchor == null ? null : anchor.clone();
    }

    @Override
    public synchronized void writeAnchor(byte[] written) {
        failIfTold();
        anchor = written.clone();
    }

    @Override
    public synchronized void forget() {
        secret = null;
        anchor = null;
    }
}
