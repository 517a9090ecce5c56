// SPDX-License-Identifier: Apache-2.0
package satchel;

import java.util.UUID;

/** A record read field by field. The methods that name a type give null where the record holds no value. */
public final class RecordReader extends Handle {
    RecordReader(Fields fields, long pointer) {
        super(fields, false);
        adopt(pointer);
    }

    @Override
    void free(long pointer) {
        Native.readerClose(pointer);
    }

    /** Number of fields that hold a value. */
    public int count() {
        return call(Native::readerCount);
    }

    /** The index-th value in order of field number. */
    public Cell at(int index) {
        return call(at -> Native.readerAt(at, index));
    }

    /** Null: no value. */
    public Cell get(int field) {
        return call(at -> Native.readerGet(at, field));
    }

    public Long integer(int field) {
        Cell cell = typed(field, FieldType.INT, FieldType.TIME, FieldType.BOOL);
        return cell == null ? null : (Long) cell.integer;
    }

    public String text(int field) {
        Cell cell = typed(field, FieldType.TEXT);
        return cell == null ? null : cell.text;
    }

    public UUID id(int field) {
        Cell cell = typed(field, FieldType.ID);
        return cell == null ? null : cell.id;
    }

    public byte[] element(int field, int index) {
        return call(at -> Native.readerElement(at, field, index));
    }

    /** As people read it; `language` null: the form of {@link RecordBuilder#parse}. Null: no value. */
    public String shown(int field, String language, String currency) {
        byte[] shown = call(at -> Native.readerText(at, field, Text.terminated(language, "the language"),
                Text.bytes(currency)));
        return shown == null ? null : Text.of(shown);
    }

    private Cell typed(int field, FieldType... types) {
        Cell cell = get(field);
        if (cell == null) {
            return null;
        }
        for (FieldType type : types) {
            if (cell.type == type) {
                return cell;
            }
        }
        throw Status.WRONG_TYPE.exception("field " + field + " is of type " + cell.type);
    }
}
