// SPDX-License-Identifier: Apache-2.0
package satchel;

import java.util.UUID;

/** The functions of satchel_jni. Pointers are guarded by {@link Handle}; ids go as their two halves. */
final class Native {
    static {
        System.loadLibrary("satchel_jni");
    }

    private Native() {
    }

    /** Called from C where a status is not OK. */
    private static void fail(int number, int entity, int field, byte[] detail) {
        Status status = Status.of(number);
        throw status.statusClass().exception(status, number, entity, field, Text.of(detail));
    }

    static native byte[] version();

    static native long deviceOpen(boolean create, byte[] folder, byte[] pin, Callbacks callbacks, boolean keys,
            boolean anchored, boolean platform, int argon2MemoryKib, int argon2Passes, int cipher,
            boolean acceptRolledBack);

    static native void deviceClose(long device);

    static native void deviceLock(long device);

    static native void deviceUnlock(long device, byte[] pin);

    static native void deviceChangePin(long device, byte[] oldPin, byte[] newPin);

    static native void deviceSuspend(long device);

    static native void deviceResume(long device);

    static native Info deviceInfo(long device);

    static native void deviceAcknowledge(long device, int warnings);

    static native long observerOpen(long device, int entity, Observer observer);

    static native void observerClose(long observer);

    static native long writeBegin(long device);

    static native void writeAbandon(long write);

    static native UUID writeCreate(long write, int entity, byte[] record, long most, long least);

    static native void writeEdit(long write, int entity, long most, long least, byte[] record, int[] cleared);

    static native void writeAdd(long write, int entity, long most, long least, int field, long delta);

    static native void writeDelete(long write, int entity, long most, long least);

    static native Receipt writeCommit(long write);

    static native void undo(long device, long sequence);

    static native long queryOpen(int entity);

    static native void queryClose(long query);

    static native void queryWhereInt(long query, int field, int compare, long value);

    static native void queryWhereText(long query, int field, int compare, byte[] value);

    static native void queryWhereId(long query, int field, int compare, long most, long least);

    static native void queryWhereNull(long query, int field, boolean isNull);

    static native void querySearch(long query, byte[] words);

    static native void queryNear(long query, long latitudeE7, long longitudeE7, long metres);

    static native void querySort(long query, int field, boolean descending);

    static native void queryIncludeDeleted(long query);

    static native Page page(long device, long query, byte[] after, int limit);

    static native Row row(long device, int entity, long most, long least);

    static native long count(long device, long query);

    static native long fieldsOpen(long device);

    static native void fieldsClose(long fields);

    static native int fieldsEntityNamed(long fields, byte[] name);

    static native int fieldsFieldNamed(long fields, int entity, byte[] name);

    static native long builderOpen(long fields, int entity);

    static native void builderClose(long builder);

    static native void builderInt(long builder, int field, long value);

    static native void builderReal(long builder, int field, double value);

    static native void builderText(long builder, int field, byte[] value);

    static native void builderBytes(long builder, int field, byte[] value);

    static native void builderId(long builder, int field, long most, long least);

    static native void builderAdd(long builder, int field, byte[] element);

    static native void builderRemove(long builder, int field, byte[] element);

    static native void builderParse(long builder, int field, byte[] text);

    static native byte[] builderEncode(long builder);

    static native long readerOpen(long fields, int entity, byte[] record);

    static native void readerClose(long reader);

    static native int readerCount(long reader);

    static native Cell readerAt(long reader, int index);

    static native Cell readerGet(long reader, int field);

    static native byte[] readerElement(long reader, int field, int index);

    static native byte[] readerText(long reader, int field, byte[] language, byte[] currency);

    static native long enrolmentOpen(long device, byte[] link, byte[] name, byte[] platform);

    static native Request enrolmentRequest(long enrolment);

    static native void enrolmentFeed(long enrolment, int httpStatus, byte[] body);

    static native void enrolmentClose(long enrolment);

    static native long exchangeOpen(long device, long budgetMs);

    static native Step exchangeNext(long exchange);

    static native void exchangeFeed(long exchange, int httpStatus, byte[] body, long elapsedMs);

    static native void exchangeFail(long exchange);

    static native void exchangeCancel(long exchange);

    static native void exchangeClose(long exchange);

    static native Reason[] why(long device, int entity, long most, long least);

    static native Reason[] reasonsList(long device, int kind, int limit);

    static native void reasonDismiss(long device, long unit);

    static native Progress syncProgress(long device);

    static native Receipt customerClaim(long device, long most, long least);

    static native Receipt customerRelease(long device, long most, long least);

    static native Receipt customerUnmerge(long device, long most, long least);

    static native Receipt orderRequest(long device, long most, long least);

    static native Receipt customerTransfer(long device, long most, long least, long userMost, long userLeast);

    static native Receipt customerMerge(long device, long most, long least, long survivorMost, long survivorLeast);

    static native Receipt approvalDecide(long device, long most, long least, long decision, byte[] comment);

    static native Receipt planChange(long device, int entity, long most, long least, byte[] record);

    static native Receipt conflictResolve(long device, long most, long least, int resolution, byte[] record);

    static native Command[] commandsList(long device, int limit);
}
