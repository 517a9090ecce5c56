// SPDX-License-Identifier: Apache-2.0
package satchel;

/** What entities and fields there are. Immutable; its builders and readers are closed with it. */
public final class Fields extends Handle {
    Fields(Device device, long pointer) {
        super(device, true);
        adopt(pointer);
    }

    @Override
    void free(long pointer) {
        Native.fieldsClose(pointer);
    }

    /** The number of an entity by its name or plural; those of the model are in {@link Model}. */
    public int entity(String name) {
        return call(at -> Native.fieldsEntityNamed(at, Text.bytes(name)));
    }

    /** The number of a field; the company's own have names too. */
    public int field(int entity, String name) {
        return call(at -> Native.fieldsFieldNamed(at, entity, Text.bytes(name)));
    }

    public RecordBuilder builder(int entity) {
        return call(at -> new RecordBuilder(this, Native.builderOpen(at, entity)));
    }

    public RecordReader reader(int entity, byte[] record) {
        return call(at -> new RecordReader(this, Native.readerOpen(at, entity, record)));
    }
}
