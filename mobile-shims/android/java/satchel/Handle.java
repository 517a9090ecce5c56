// SPDX-License-Identifier: Apache-2.0
package satchel;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Something of the core that is closed once. After that every call throws IllegalStateException, and closing again
 * does nothing.
 *
 * <p>Closing waits for the calls of other threads that are under way, and first closes what was obtained from this.
 * From within a call of its own thread (a callback) it is put off until that call returns.
 */
abstract class Handle implements AutoCloseable {
    interface Call<T> {
        T run(long pointer);
    }

    interface Action {
        void run(long pointer);
    }

    private final Handle owner;
    private final Object turn;
    private final Object turnOfFreeing = new Object();
    private final List<Thread> users = new ArrayList<>();
    private final Set<Handle> owned = new LinkedHashSet<>();
    private long pointer;
    private boolean closed;
    private boolean freed;

    /** `owner` outlives this; null: none. `shared`: any number of threads may call at once, else they take turns. */
    Handle(Handle owner, boolean shared) {
        this.owner = owner;
        this.turn = shared ? null : new Object();
    }

    abstract void free(long freedPointer);

    /** The last thing of a constructor, within a call of the owner. */
    final void adopt(long made) {
        pointer = made;
        if (owner != null) {
            synchronized (owner) {
                owner.owned.add(this);
            }
        }
    }

    final <T> T call(Call<T> call) {
        enter();
        try {
            if (turn == null) {
                return call.run(pointer);
            }
            synchronized (turn) {
                return call.run(alive());
            }
        } finally {
            leave();
        }
    }

    final void act(Action action) {
        call(at -> {
            action.run(at);
            return null;
        });
    }

    /** For what any thread may call while another one is in a call. */
    final void actAtOnce(Action action) {
        enter();
        try {
            action.run(pointer);
        } finally {
            leave();
        }
    }

    /** The core has freed it: within a call. */
    final synchronized void consumed() {
        pointer = 0;
        closed = true;
    }

    @Override
    public final void close() {
        synchronized (this) {
            if (closed) {
                return;
            }
            closed = true;
        }
        if (owner == null) {
            finish();
        } else if (owner.enterIfOpen()) { // else the owner is being closed and frees this too
            try {
                finish();
            } finally {
                owner.leave();
            }
        }
    }

    public final synchronized boolean isClosed() {
        return closed;
    }

    private long alive() {
        if (pointer == 0) {
            throw isOver();
        }
        return pointer;
    }

    private IllegalStateException isOver() {
        return new IllegalStateException(getClass().getSimpleName() + " is closed");
    }

    private void enter() {
        if (!enterIfOpen()) {
            throw isOver();
        }
    }

    private boolean enterIfOpen() {
        if (owner != null && !owner.enterIfOpen()) {
            return false;
        }
        synchronized (this) {
            if (!closed) {
                users.add(Thread.currentThread());
                return true;
            }
        }
        if (owner != null) {
            owner.leave();
        }
        return false;
    }

    private void leave() {
        boolean last;
        synchronized (this) {
            users.remove(Thread.currentThread());
            last = closed && users.isEmpty();
            notifyAll();
        }
        if (last) {
            freeOnce();
        }
        if (owner != null) {
            owner.leave();
        }
    }

    /** Waits until nobody is within, then frees; within a call of this thread that call's end does it. */
    private void finish() {
        boolean interrupted = false;
        synchronized (this) {
            if (users.contains(Thread.currentThread())) {
                return;
            }
            while (!users.isEmpty()) {
                try {
                    wait();
                } catch (InterruptedException again) {
                    interrupted = true;
                }
            }
        }
        freeOnce();
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Nobody is within, and nobody can come. Who comes second waits, so that closed means freed. */
    private void freeOnce() {
        List<Handle> rest;
        synchronized (turnOfFreeing) {
            if (freed) {
                return;
            }
            freed = true;
            synchronized (this) {
                rest = new ArrayList<>(owned);
                owned.clear();
            }
            for (Handle handle : rest) {
                handle.freeWithOwner();
            }
            if (pointer != 0) {
                free(pointer);
                pointer = 0;
            }
        }
        if (owner != null) {
            synchronized (owner) {
                owner.owned.remove(this);
            }
        }
    }

    private void freeWithOwner() {
        synchronized (this) {
            closed = true;
        }
        freeOnce();
    }
}
