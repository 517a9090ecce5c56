// SPDX-License-Identifier: Apache-2.0
package satchel;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Text to and from real UTF-8; JNI's own functions speak another one, without U+0000 and with split emoji. */
final class Text {
    private Text() {
    }

    static byte[] bytes(CharSequence text) {
        try {
            ByteBuffer encoded = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(text));
            byte[] bytes = new byte[encoded.remaining()];
            encoded.get(bytes);
            if (encoded.hasArray()) {
                Arrays.fill(encoded.array(), (byte) 0);
            }
            return bytes;
        } catch (CharacterCodingException broken) {
            throw Status.BAD_TEXT.exception("half of a surrogate pair");
        }
    }

    /** What C takes as a zero-terminated text, so that a zero within must not cut it. */
    static byte[] terminated(CharSequence text, String what) {
        if (text == null) {
            return null;
        }
        for (int i = 0; i < text.length(); i++) {
            if (text.charAt(i) == 0) {
                throw Status.INVALID_ARGUMENT.exception(what + " holds U+0000");
            }
        }
        return bytes(text);
    }

    static byte[] pin(char[] pin) {
        return pin == null ? null : terminated(CharBuffer.wrap(pin), "the PIN");
    }

    static void wipe(byte[] secret) {
        if (secret != null) {
            Arrays.fill(secret, (byte) 0);
        }
    }

    static String of(byte[] utf8) {
        return new String(utf8, StandardCharsets.UTF_8);
    }
}
