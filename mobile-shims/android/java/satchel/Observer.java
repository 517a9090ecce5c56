// SPDX-License-Identifier: Apache-2.0
package satchel;

import java.util.concurrent.Executor;

/** Tells of changed rows until it is closed. After closing no listener runs, unless it is the listener that closed. */
public final class Observer extends Handle {
    public interface Listener {
        /** Rows of `entity` changed; any method of the device may be called. */
        void changed(int entity);
    }

    private final Executor executor;
    private final Listener listener;

    Observer(Device device, long devicePointer, int entity, Executor executor, Listener listener) {
        super(device, true);
        this.executor = executor;
        this.listener = listener;
        adopt(Native.observerOpen(devicePointer, entity, this));
    }

    @Override
    void free(long pointer) {
        Native.observerClose(pointer);
    }

    /** Called from C. The change is committed: what a listener throws is for the thread's handler, not the caller. */
    private void changed(int entity) {
        try {
            if (executor == null) {
                listener.changed(entity);
            } else {
                executor.execute(() -> {
                    if (!isClosed()) {
                        listener.changed(entity);
                    }
                });
            }
        } catch (RuntimeException | Error thrown) {
            Thread thread = Thread.currentThread();
            thread.getUncaughtExceptionHandler().uncaughtException(thread, thrown);
        }
    }
}
