// SPDX-License-Identifier: Apache-2.0
package satchel;

import java.util.UUID;

/** A record as protobuf bytes, made field by field. A method that throws leaves it unchanged. */
public final class RecordBuilder extends Handle {
    RecordBuilder(Fields fields, long pointer) {
        super(fields, false);
        adopt(pointer);
    }

    @Override
    void free(long pointer) {
        Native.builderClose(pointer);
    }

    /** BOOL, INT, TIME. */
    public RecordBuilder set(int field, long value) {
        act(at -> Native.builderInt(at, field, value));
        return this;
    }

    public RecordBuilder set(int field, double value) {
        act(at -> Native.builderReal(at, field, value));
        return this;
    }

    public RecordBuilder set(int field, String value) {
        byte[] bytes = Text.bytes(value);
        act(at -> Native.builderText(at, field, bytes));
        return this;
    }

    public RecordBuilder set(int field, byte[] value) {
        act(at -> Native.builderBytes(at, field, value));
        return this;
    }

    public RecordBuilder set(int field, UUID value) {
        act(at -> Native.builderId(at, field, value.getMostSignificantBits(), value.getLeastSignificantBits()));
        return this;
    }

    /** An element of a set of texts. */
    public RecordBuilder add(int field, String element) {
        return add(field, Text.bytes(element));
    }

    public RecordBuilder add(int field, byte[] element) {
        act(at -> Native.builderAdd(at, field, element));
        return this;
    }

    public RecordBuilder remove(int field, byte[] element) {
        act(at -> Native.builderRemove(at, field, element));
        return this;
    }

    /** From the text form of satchel/record.h: choices by name, days as "2026-11-21", … */
    public RecordBuilder parse(int field, String text) {
        byte[] bytes = Text.bytes(text);
        act(at -> Native.builderParse(at, field, bytes));
        return this;
    }

    public byte[] encode() {
        return call(Native::builderEncode);
    }
}
