import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.StringReader;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.zip.CRC32;

/** Answers each line of questions, which are a word, for the last of them a charset, and bytes in hexadecimal. */
class Oracle {
    public static void main(String[] arguments) throws Exception {
        BufferedReader questions = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        StringBuilder answers = new StringBuilder();
        for (String question = questions.readLine(); question != null; question = questions.readLine()) {
            String[] words = question.split(" ", -1);
            byte[] bytes = HexFormat.of().parseHex(words[words.length - 1]);
            answers.append(switch (words[0]) {
                case "checksum" -> String.valueOf(checksum(new String(bytes, StandardCharsets.UTF_8)));
                case "hash" -> String.valueOf(new String(bytes, StandardCharsets.UTF_8).hashCode());
                default -> decode(words[1], bytes);
            });
            answers.append('\n');
        }
        System.out.print(answers);
    }

    static int checksum(String text) throws Exception {
        CRC32 crc = new CRC32();
        BufferedReader lines = new BufferedReader(new StringReader(text));
        boolean isFirst = true;
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String counted = isFirst && line.startsWith("\ufeff") ? line.substring(1) : line;
            crc.update(counted.getBytes(StandardCharsets.UTF_8));
            isFirst = false;
        }
        return (int) crc.getValue();
    }

    static String decode(String charset, byte[] bytes) {
        try {
            String text = Charset.forName(charset).newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
            return HexFormat.of().formatHex(text.getBytes(StandardCharsets.UTF_8));
        } catch (CharacterCodingException refused) {
            return "refused";
        }
    }
}
