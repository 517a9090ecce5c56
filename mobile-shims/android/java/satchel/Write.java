// SPDX-License-Identifier: Apache-2.0
package satchel;

import java.util.UUID;

/** Changes that are committed and synced as one unit. Closing drops what was not committed. */
public final class Write extends Handle {
    Write(Device device, long pointer) {
        super(device, false);
        adopt(pointer);
    }

    @Override
    void free(long pointer) {
        Native.writeAbandon(pointer);
    }

    /** A new row; gives its id. */
    public UUID create(int entity, byte[] record) {
        return create(entity, record, new UUID(0, 0));
    }

    /** A new row with an id that was chosen before, so that the call can be repeated. */
    public UUID create(int entity, byte[] record, UUID id) {
        return call(at -> Native.writeCreate(at, entity, record, id.getMostSignificantBits(),
                id.getLeastSignificantBits()));
    }

    /** Sets the fields of `record`, and makes those of `cleared` null. */
    public void edit(int entity, UUID id, byte[] record, int... cleared) {
        act(at -> Native.writeEdit(at, entity, id.getMostSignificantBits(), id.getLeastSignificantBits(), record,
                cleared));
    }

    /** Adds to a counter. */
    public void add(int entity, UUID id, int field, long delta) {
        act(at -> Native.writeAdd(at, entity, id.getMostSignificantBits(), id.getLeastSignificantBits(), field, delta));
    }

    /** Deletes the row and the rows that travel with it. */
    public void delete(int entity, UUID id) {
        act(at -> Native.writeDelete(at, entity, id.getMostSignificantBits(), id.getLeastSignificantBits()));
    }

    /** Durable when it returns, and closed. If it throws, nothing was stored and it can be tried again. */
    public Receipt commit() {
        return call(at -> {
            Receipt receipt = Native.writeCommit(at);
            consumed();
            return receipt;
        });
    }
}
