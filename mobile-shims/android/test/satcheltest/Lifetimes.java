// SPDX-License-Identifier: Apache-2.0
package satcheltest;

import java.io.File;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.management.ObjectName;
import satchel.Device;
import satchel.DeviceConfig;
import satchel.FatalException;
import satchel.Fields;
import satchel.KeyException;
import satchel.Model;
import satchel.Observer;
import satchel.Platform;
import satchel.Query;
import satchel.RecordBuilder;
import satchel.RecordReader;
import satchel.RetryException;
import satchel.Status;
import satchel.UserException;
import satchel.Write;

/** Locks, keys, closing, threads: what needs no server. */
public final class Lifetimes {
    private static final int LOOPS = 1000;
    private static final int UNITS = 40;
    private static final char[] PIN = "492817".toCharArray();
    private static final char[] WRONG_PIN = "271828".toCharArray();
    private static final int ARGON2_MEMORY_KIB = 19456;
    private static final int ARGON2_PASSES = 2;

    private final String folder;
    private final Keys keys = new Keys();

    private Lifetimes(String folder) {
        this.folder = folder;
    }

    public static void main(String[] arguments) throws Exception {
        Check.failLoudly();
        Lifetimes lifetimes = new Lifetimes(arguments[1]);
        switch (arguments[0]) {
            case "pin":
                lifetimes.pin();
                break;
            case "callbacks":
                lifetimes.callbacks();
                break;
            case "closing":
                lifetimes.closing();
                break;
            case "loops":
                lifetimes.loops();
                break;
            case "threads":
                lifetimes.threads();
                break;
            default:
                throw new IllegalArgumentException(arguments[0]);
        }
        Check.say("PASSED");
    }

    private DeviceConfig config() {
        return new DeviceConfig(folder).keys(keys);
    }

    private DeviceConfig pinned(char[] pin) {
        return config().pin(pin).argon2(ARGON2_MEMORY_KIB, ARGON2_PASSES);
    }

    /** Lock, unlock, change the PIN; wrong ones are counted and delayed. */
    private void pin() {
        Check.refused(UserException.class, Status.INVALID_ARGUMENT, () -> Device.create(pinned("12".toCharArray())));
        Check.refused(UserException.class, Status.INVALID_ARGUMENT,
                () -> Device.create(pinned("4928\u0000".toCharArray())));
        try (Device device = Device.create(pinned(PIN))) {
            device.lock();
            Check.that(device.info().locked, "locked is told");
            Check.refused(KeyException.class, Status.LOCKED, () -> device.begin());
            Check.refused(KeyException.class, Status.WRONG_PIN, () -> device.unlock(WRONG_PIN));
            device.unlock(PIN);
            Check.that(!device.info().locked, "unlocked is told");
            device.changePin(PIN, WRONG_PIN);
            device.suspend();
            Check.refused(UserException.class, Status.MISUSE, () -> device.begin());
            device.resume();
            Check.refused(RetryException.class, Status.IN_USE, () -> Device.open(pinned(WRONG_PIN)));
        }
        Check.refused(UserException.class, Status.UNSUPPORTED, () -> Device.open(config()));
        Check.refused(KeyException.class, Status.WRONG_PIN, () -> Device.open(pinned(PIN)));
        Device.open(pinned(WRONG_PIN)).close();
        Check.refused(UserException.class, Status.ALREADY_EXISTS, () -> Device.create(pinned(PIN)));
        Check.refused(UserException.class, Status.NOT_FOUND,
                () -> Device.open(new DeviceConfig(folder + "-none").keys(keys)));
    }

    /** Providers that throw become statuses; what they threw is the cause. */
    private void callbacks() {
        Device.create(config()).close();
        keys.failure = new UnsupportedOperationException("the phone is locked");
        RetryException away = Check.refused(RetryException.class, Status.KEY_UNAVAILABLE, () -> Device.open(config()));
        Check.same(keys.failure, away.getCause());
        keys.failure = Status.KEY_GONE.exception("erased");
        KeyException gone = Check.refused(KeyException.class, Status.KEY_GONE, () -> Device.open(config()));
        Check.same(keys.failure, gone.getCause());
        keys.failure = null;
        Broken platform = new Broken();
        try (Device device = Device.open(config().platform(platform))) {
            platform.broken = true;
            Check.refused(FatalException.class, Status.RANDOM_FAILED, () -> add(device, "no randomness"));
            platform.broken = false;
            add(device, "randomness");
            keys.failure = new StackOverflowLike();
            device.lock();
            Check.same(keys.failure,
                    Check.refused(RetryException.class, Status.KEY_UNAVAILABLE, () -> device.unlock(null)).getCause());
            keys.failure = null;
            device.unlock(null);
        }
        listenerThrows();
    }

    private static final class StackOverflowLike extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    private static final class Broken implements Platform {
        volatile boolean broken;

        private void failIfBroken() {
            if (broken) {
                throw new IllegalArgumentException("broken");
            }
        }

        @Override
        public long wallMs() {
            failIfBroken();
            return System.currentTimeMillis();
        }

        @Override
        public long monotonicMs() {
            return System.nanoTime() / 1000000;
        }

        @Override
        public byte[] bootTag() {
            return new byte[16];
        }

        @Override
        public void random(byte[] out) {
            failIfBroken();
            new java.security.SecureRandom().nextBytes(out);
        }
    }

    /** The change stands and its caller is not bothered; the thread's handler is. */
    private void listenerThrows() {
        AtomicReference<Throwable> handled = new AtomicReference<>();
        Thread.currentThread().setUncaughtExceptionHandler((thread, thrown) -> handled.set(thrown));
        IllegalArgumentException thrown = new IllegalArgumentException("a listener's");
        try (Device device = Device.open(config()); Observer observer = device.observe(0, entity -> {
            throw thrown;
        })) {
            add(device, "stands");
            Check.same(thrown, handled.get());
            Check.that(count(device) > 0, "the change stands");
        }
    }

    private static UUID add(Device device, String name) {
        try (Fields fields = device.fields(); RecordBuilder builder = fields.builder(Model.ENTITY_CUSTOMER);
                Write write = device.begin()) {
            UUID id = write.create(Model.ENTITY_CUSTOMER, builder.set(Model.CUSTOMER_NAME, name).encode());
            write.commit();
            return id;
        }
    }

    private static long count(Device device) {
        try (Query query = new Query(Model.ENTITY_CUSTOMER)) {
            return device.count(query);
        }
    }

    /** After close nothing works and nothing breaks. */
    private void closing() throws Exception {
        Device device = Device.create(config());
        Fields fields = device.fields();
        RecordBuilder builder = fields.builder(Model.ENTITY_CUSTOMER).set(Model.CUSTOMER_NAME, "x");
        byte[] record = builder.encode();
        RecordReader reader = fields.reader(Model.ENTITY_CUSTOMER, record);
        Query query = new Query(Model.ENTITY_CUSTOMER);
        Observer observer = device.observe(0, entity -> { });
        Write committed = device.begin();
        committed.create(Model.ENTITY_CUSTOMER, record);
        committed.commit();
        Check.closed(() -> committed.commit());
        committed.close();
        Write open = device.begin();
        open.create(Model.ENTITY_CUSTOMER, record);
        fields.close();
        Check.closed(() -> builder.encode());
        Check.closed(() -> reader.count());
        query.close();
        Check.closed(() -> device.count(query));
        device.close();
        Check.that(open.isClosed() && observer.isClosed(), "closing a device closes what is its");
        Check.closed(() -> open.create(Model.ENTITY_CUSTOMER, record));
        Check.closed(() -> device.info());
        Check.closed(() -> device.begin());
        for (AutoCloseable handle : new AutoCloseable[] {open, observer, builder, reader, fields, query, device}) {
            handle.close();
        }
        withinCallbacks();
    }

    /** An observer and even the device may be closed by a listener. */
    private void withinCallbacks() {
        Device device = Device.open(config());
        Check.same(1L, count(device));
        AtomicInteger calls = new AtomicInteger();
        AtomicReference<Observer> self = new AtomicReference<>();
        self.set(device.observe(0, entity -> {
            calls.incrementAndGet();
            self.get().close();
        }));
        add(device, "two");
        add(device, "three");
        Check.same(1, calls.get());
        device.observe(Model.ENTITY_CUSTOMER, entity -> device.close());
        Check.closed(() -> {
            add(device, "four");
            device.info();
        });
        try (Device again = Device.open(config())) {
            Check.same(4L, count(again));
            onExecutor(again);
        }
    }

    /** What still waits in an executor when the observer is closed is not told. */
    private void onExecutor(Device device) {
        List<Runnable> queue = new ArrayList<>();
        AtomicInteger calls = new AtomicInteger();
        Observer observer = device.observe(Model.ENTITY_CUSTOMER, queue::add, entity -> calls.incrementAndGet());
        add(device, "five");
        Check.same(0, calls.get());
        queue.remove(0).run();
        Check.same(1, calls.get());
        add(device, "six");
        observer.close();
        queue.remove(0).run();
        Check.same(1, calls.get());
    }

    /** Nothing is left behind: no global reference, no file, no memory to speak of. */
    private void loops() throws Exception {
        Device.create(config()).close();
        openAndClose(LOOPS / 10); // what is made once is made here
        long references = globalReferences();
        int files = openFiles();
        long kib = residentKib();
        openAndClose(LOOPS);
        Check.same(references, globalReferences());
        Check.same(files, openFiles());
        long grown = residentKib() - kib;
        Check.say("resident memory grew by " + grown + " KiB");
        Check.that(grown < 16384, "a device left less than 16 KiB behind");
    }

    private void openAndClose(int times) {
        for (int i = 0; i < times; i++) {
            try (Device device = Device.open(config()); Observer observer = device.observe(0, entity -> { });
                    Fields fields = device.fields(); Write write = device.begin()) {
                Check.that(!device.info().locked, "open");
            }
        }
    }

    private static long globalReferences() throws Exception {
        System.gc();
        String dump = (String) ManagementFactory.getPlatformMBeanServer().invoke(
                new ObjectName("com.sun.management:type=DiagnosticCommand"), "threadPrint",
                new Object[] {new String[0]}, new String[] {String[].class.getName()});
        Matcher matcher = Pattern.compile("JNI global refs: (\\d+)").matcher(dump);
        Check.that(matcher.find(), "the count of global references is told");
        return Long.parseLong(matcher.group(1));
    }

    private static int openFiles() {
        return new File("/proc/self/fd").list().length;
    }

    private static long residentKib() throws Exception {
        for (String line : Files.readAllLines(Paths.get("/proc/self/status"))) {
            if (line.startsWith("VmRSS:")) {
                return Long.parseLong(line.replaceAll("\\D", ""));
            }
        }
        throw new AssertionError("no VmRSS");
    }

    /** Two threads write, one reads, one opens and closes observers; then the device is closed under all of them. */
    private void threads() throws Exception {
        Device device = Device.create(config());
        List<Throwable> failures = Collections.synchronizedList(new ArrayList<>());
        AtomicInteger told = new AtomicInteger();
        Observer observer = device.observe(Model.ENTITY_CUSTOMER, entity -> told.incrementAndGet());
        Runnable writer = () -> {
            for (int i = 0; i < UNITS; i++) {
                add(device, "of " + Thread.currentThread().getId());
            }
        };
        Runnable reader = () -> {
            for (int i = 0; i < UNITS; i++) {
                count(device);
                device.observe(0, entity -> { }).close();
            }
        };
        runAll(failures, writer, writer, reader);
        Check.that(failures.isEmpty(), "no thread failed: " + failures);
        Check.same(2 * UNITS, told.get());
        Check.same(2L * UNITS, count(device));
        observer.close();
        closeUnderThreads(device);
    }

    private static void runAll(List<Throwable> failures, Runnable... bodies) throws Exception {
        List<Thread> threads = new ArrayList<>();
        for (Runnable body : bodies) {
            Thread thread = new Thread(body);
            thread.setUncaughtExceptionHandler((of, thrown) -> failures.add(thrown));
            threads.add(thread);
            thread.start();
        }
        for (Thread thread : threads) {
            thread.join();
        }
    }

    private void closeUnderThreads(Device device) throws Exception {
        CountDownLatch working = new CountDownLatch(2);
        AtomicInteger ended = new AtomicInteger();
        Runnable worker = () -> {
            working.countDown();
            try {
                while (true) {
                    add(device, "until it is closed");
                }
            } catch (IllegalStateException closed) {
                ended.incrementAndGet();
            }
        };
        List<Throwable> failures = Collections.synchronizedList(new ArrayList<>());
        runAll(failures, worker, worker, () -> {
            try {
                working.await();
            } catch (InterruptedException impossible) {
                throw new AssertionError(impossible);
            }
            device.close();
        });
        Check.that(failures.isEmpty(), "no thread failed: " + failures);
        Check.same(2, ended.get());
        try (Device again = Device.open(config())) {
            Check.that(count(again) >= 2 * UNITS, "what was committed is there");
        }
    }
}
