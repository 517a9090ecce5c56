// SPDX-License-Identifier: Apache-2.0
package satchel;

import java.util.UUID;

/** Which rows are wanted; all conditions must hold. Needs no device. */
public final class Query extends Handle {
    /** Rows of `entity` that are not deleted, in order of id. */
    public Query(int entity) {
        super(null, false);
        adopt(Native.queryOpen(entity));
    }

    @Override
    void free(long pointer) {
        Native.queryClose(pointer);
    }

    /** BOOL, INT, choices, TIME. */
    public Query where(int field, Compare compare, long value) {
        act(at -> Native.queryWhereInt(at, field, compare.number(), value));
        return this;
    }

    public Query where(int field, Compare compare, String value) {
        byte[] bytes = Text.bytes(value);
        act(at -> Native.queryWhereText(at, field, compare.number(), bytes));
        return this;
    }

    public Query where(int field, Compare compare, UUID value) {
        act(at -> Native.queryWhereId(at, field, compare.number(), value.getMostSignificantBits(),
                value.getLeastSignificantBits()));
        return this;
    }

    public Query whereNull(int field, boolean isNull) {
        act(at -> Native.queryWhereNull(at, field, isNull));
        return this;
    }

    /** Words that must all occur in the searchable fields. */
    public Query search(String words) {
        byte[] bytes = Text.bytes(words);
        act(at -> Native.querySearch(at, bytes));
        return this;
    }

    public Query near(long latitudeE7, long longitudeE7, long metres) {
        act(at -> Native.queryNear(at, latitudeE7, longitudeE7, metres));
        return this;
    }

    public Query sort(int field, boolean descending) {
        act(at -> Native.querySort(at, field, descending));
        return this;
    }

    public Query includeDeleted() {
        act(Native::queryIncludeDeleted);
        return this;
    }
}
