// SPDX-License-Identifier: Apache-2.0
package satchel;

import java.util.UUID;

/** A value of a record; the member that goes with `type` is valid. Made in C. */
public final class Cell {
    public final int field;
    public final FieldType type;
    /** BOOL (0 or 1), INT, TIME. */
    public final long integer;
    public final double real;
    /** TEXT; else empty. */
    public final String text;
    /** BYTES; else empty. */
    public final byte[] bytes;
    public final UUID id;
    /** SET. */
    public final int elementCount;

    private Cell(int field, int type, long integer, double real, byte[] text, byte[] bytes, UUID id,
            int elementCount) {
        this.field = field;
        this.type = FieldType.of(type);
        this.integer = integer;
        this.real = real;
        this.text = Text.of(text);
        this.bytes = bytes;
        this.id = id;
        this.elementCount = elementCount;
    }
}
