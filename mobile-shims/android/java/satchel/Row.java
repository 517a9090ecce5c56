// SPDX-License-Identifier: Apache-2.0
package satchel;

import java.util.UUID;

/** A row as the user sees it. Made in C. */
public final class Row {
    public final UUID id;
    /** Protobuf bytes of the entity's message in model.proto. */
    public final byte[] record;
    /** Bits ROW_… of {@link Limits}. */
    public final int flags;
    /** Revision of the server's value below it, 0: the server does not have it. */
    public final long baseN;

    private Row(UUID id, byte[] record, int flags, long baseN) {
        this.id = id;
        this.record = record;
        this.flags = flags;
        this.baseN = baseN;
    }

    public boolean isPending() {
        return (flags & Limits.ROW_PENDING) != 0;
    }

    public boolean isInConflict() {
        return (flags & Limits.ROW_CONFLICT) != 0;
    }

    public boolean isRefused() {
        return (flags & Limits.ROW_REFUSED) != 0;
    }

    public boolean isDeleted() {
        return (flags & Limits.ROW_DELETED) != 0;
    }
}
