// SPDX-License-Identifier: Apache-2.0
package satcheltest;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import satchel.SatchelException;
import satchel.Status;

/** Assertions, and asking the script that started this program to do something on the server or another phone. */
final class Check {
    private static final PrintStream OUT = utf8Out();
    private static final BufferedReader IN =
            new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));

    private Check() {
    }

    private static PrintStream utf8Out() {
        try {
            return new PrintStream(System.out, true, "UTF-8");
        } catch (java.io.UnsupportedEncodingException impossible) {
            throw new AssertionError(impossible);
        }
    }

    /** What fails on any thread, in a listener too, ends the program. */
    static void failLoudly() {
        Thread.setDefaultUncaughtExceptionHandler((thread, thrown) -> {
            thrown.printStackTrace();
            Runtime.getRuntime().halt(1);
        });
    }

    static void that(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError("does not hold: " + what);
        }
    }

    static void same(Object wanted, Object got) {
        if (!Objects.equals(wanted, got)) {
            throw new AssertionError("wanted " + wanted + ", got " + got);
        }
    }

    /** The exception, which must be of this class and status. */
    static <T extends SatchelException> T refused(Class<T> type, Status status, Runnable call) {
        try {
            call.run();
        } catch (SatchelException refused) {
            same(status, refused.status());
            same(type, refused.getClass());
            return type.cast(refused);
        }
        throw new AssertionError("not refused with " + status);
    }

    static void closed(Runnable call) {
        try {
            call.run();
        } catch (IllegalStateException closed) {
            return;
        }
        throw new AssertionError("a closed handle was used");
    }

    /** The script's one-line answer. */
    static String ask(String question) {
        OUT.println("ASK " + question);
        try {
            String answer = IN.readLine();
            that(answer != null, "the script answers");
            return answer;
        } catch (IOException lost) {
            throw new AssertionError(lost);
        }
    }

    static void say(String line) {
        OUT.println(line);
    }
}
