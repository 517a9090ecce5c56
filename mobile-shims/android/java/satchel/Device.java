// SPDX-License-Identifier: Apache-2.0
package satchel;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Executor;

/**
 * One user's sealed store on one phone. Any thread may call any method. Closing it closes what was obtained from it.
 * Every method may throw a {@link SatchelException}; what each one means stands at the C function of the same name.
 */
public final class Device extends Handle {
    private final Callbacks callbacks;

    private Device(boolean create, DeviceConfig config) {
        super(null, true);
        callbacks = new Callbacks(config.keys, config.platform);
        byte[] pin = Text.pin(config.pin);
        try {
            adopt(Native.deviceOpen(create, Text.terminated(config.folder, "the folder"), pin, callbacks,
                    callbacks.hasKeys(), callbacks.isAnchored(), callbacks.hasPlatform(), config.argon2MemoryKib,
                    config.argon2Passes, config.cipher.number(), config.acceptRolledBack));
        } catch (SatchelException refused) {
            throw explained(refused);
        } finally {
            Text.wipe(pin);
        }
    }

    /** A new sealed store, not enrolled yet. */
    public static Device create(DeviceConfig config) {
        return new Device(true, config);
    }

    public static Device open(DeviceConfig config) {
        return new Device(false, config);
    }

    @Override
    void free(long pointer) {
        Native.deviceClose(pointer);
    }

    /** What a callback threw becomes the cause. */
    private SatchelException explained(SatchelException refused) {
        Throwable cause = callbacks.takeFailure();
        if (cause != null && cause != refused && refused.getCause() == null) {
            refused.initCause(cause);
        }
        return refused;
    }

    private void keyed(Action action) {
        callbacks.takeFailure();
        try {
            act(action);
        } catch (SatchelException refused) {
            throw explained(refused);
        }
    }

    /** Wipes the key from memory; running exchanges end, open writes are emptied. */
    public void lock() {
        keyed(Native::deviceLock);
    }

    /** `pin` null: the keystore alone. The caller wipes the array. */
    public void unlock(char[] pin) {
        byte[] bytes = Text.pin(pin);
        try {
            keyed(at -> Native.deviceUnlock(at, bytes));
        } finally {
            Text.wipe(bytes);
        }
    }

    public void changePin(char[] oldPin, char[] newPin) {
        byte[] oldBytes = Text.pin(oldPin);
        byte[] newBytes = Text.pin(newPin);
        try {
            keyed(at -> Native.deviceChangePin(at, oldBytes, newBytes));
        } finally {
            Text.wipe(oldBytes);
            Text.wipe(newBytes);
        }
    }

    /** Before the platform freezes the process. */
    public void suspend() {
        keyed(Native::deviceSuspend);
    }

    public void resume() {
        keyed(Native::deviceResume);
    }

    public Info info() {
        return call(Native::deviceInfo);
    }

    /** The user has seen these warnings, bits of {@link Warning}. */
    public void acknowledge(int warnings) {
        act(at -> Native.deviceAcknowledge(at, warnings));
    }

    /** Entities and fields as the company has them now. */
    public Fields fields() {
        return call(at -> new Fields(this, Native.fieldsOpen(at)));
    }

    public Write begin() {
        return call(at -> new Write(this, Native.writeBegin(at)));
    }

    /** Takes an op back by its inverse. */
    public void undo(long sequence) {
        act(at -> Native.undo(at, sequence));
    }

    /** Up to `limit` rows behind `after`, the {@link Page#next} of an earlier page of an equal query, or null. */
    public Page page(Query query, byte[] after, int limit) {
        return call(at -> query.call(asked -> Native.page(at, asked, after, limit)));
    }

    public Row row(int entity, UUID id) {
        return call(at -> Native.row(at, entity, id.getMostSignificantBits(), id.getLeastSignificantBits()));
    }

    public long count(Query query) {
        return call(at -> query.call(asked -> Native.count(at, asked)));
    }

    /** Everything that concerns one row, newest first. */
    public List<Reason> why(int entity, UUID id) {
        return list(call(at -> Native.why(at, entity, id.getMostSignificantBits(), id.getLeastSignificantBits())));
    }

    public List<Reason> reasons(ReasonKind kind, int limit) {
        return list(call(at -> Native.reasonsList(at, kind.number(), limit)));
    }

    private static List<Reason> list(Reason[] reasons) {
        return Collections.unmodifiableList(Arrays.asList(reasons));
    }

    /** The user gives up a refused, held or parked unit. */
    public void dismiss(long unit) {
        act(at -> Native.reasonDismiss(at, unit));
    }

    /** What the server is asked to do. */
    public Commands commands() {
        return new Commands(this);
    }

    /** How far the running exchange is; all zero if none runs. */
    public Progress progress() {
        return call(Native::syncProgress);
    }

    /** Tells of changed rows of `entity` (0: any) on the thread whose call changed them. */
    public Observer observe(int entity, Observer.Listener listener) {
        return observe(entity, null, listener);
    }

    /** The same on an executor's thread; after closing, nothing that still waits there is told. */
    public Observer observe(int entity, Executor executor, Observer.Listener listener) {
        return call(at -> new Observer(this, at, entity, executor, listener));
    }

    /** `link` is what the manager gave; `name` is this phone's for people, `platform` as "Android 14". */
    public Enrolment enrolment(String link, String name, String platform) {
        byte[] linkBytes = Text.bytes(link);
        byte[] nameBytes = Text.bytes(name);
        byte[] platformBytes = Text.bytes(platform);
        return call(at -> new Enrolment(this, Native.enrolmentOpen(at, linkBytes, nameBytes, platformBytes)));
    }

    /** Begins an exchange; one at a time. `budgetMs` 0: no limit. {@link Sync} drives it. */
    public Exchange exchange(long budgetMs) {
        return call(at -> new Exchange(this, Native.exchangeOpen(at, budgetMs)));
    }
}
