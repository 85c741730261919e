//! Java says what a script's checksum, a text's hash and the characters of bytes are.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use restage_migrate::Kind;
use restage_migrate::checksum::{Checksum, java_hash};
use restage_migrate::encoding::Encoding;

const SEED: u64 = 0x5eed_0002;
const TEXTS: usize = 2_000;
const BYTE_STRINGS: usize = 2_000;

const ONE_BYTE: [&str; 20] = [
    "US-ASCII",
    "ISO-8859-1",
    "latin1",
    "ISO-8859-2",
    "ISO-8859-3",
    "ISO-8859-4",
    "ISO-8859-5",
    "ISO-8859-7",
    "ISO-8859-13",
    "ISO-8859-15",
    "KOI8-R",
    "windows-1250",
    "windows-1251",
    "windows-1252",
    "Cp1252",
    "windows-1253",
    "windows-1254",
    "windows-1256",
    "windows-1257",
    "windows-1258",
];
const UNICODE: [&str; 5] = ["UTF-8", "utf8", "UTF-16", "UTF-16LE", "UTF-16BE"];

#[test]
fn java_agrees_on_checksums_hashes_and_characters() {
    println!("seed {SEED:#x}");
    let mut random = Random(SEED);
    let mut questions = Vec::new();
    let mut ours = Vec::new();
    for _ in 0..TEXTS {
        let text = random.text();
        for (question, answer) in [("checksum", Checksum::of_text(&text).0), ("hash", java_hash(&text))] {
            questions.push(format!("{question} {}", hexadecimal(text.as_bytes())));
            ours.push(answer.to_string());
        }
    }
    let single = ONE_BYTE.iter().flat_map(|name| (0..=u8::MAX).map(|byte| (*name, vec![byte])));
    let several = (0..BYTE_STRINGS).map(|index| (UNICODE[index % UNICODE.len()], random.bytes()));
    for (name, bytes) in single.chain(several) {
        questions.push(format!("decode {name} {}", hexadecimal(&bytes)));
        ours.push(match Encoding::named(name).unwrap().decode(bytes, Path::new("V1__a.sql")) {
            Ok(text) => hexadecimal(text.as_bytes()),
            Err(error) if error.kind == Kind::Encoding => "refused".to_owned(),
            Err(error) => panic!("{error}"),
        });
    }

    let answers = ask(&questions);
    assert_eq!(answers.len(), questions.len());
    let differing: Vec<_> = questions.iter().zip(answers.iter().zip(&ours)).filter(|(_, (java, ours))| java != ours).collect();
    assert!(differing.is_empty(), "{} differ, such as {:?}", differing.len(), &differing[..differing.len().min(12)]);
}

fn ask(questions: &[String]) -> Vec<String> {
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracle/Oracle.java");
    let mut java = Command::new("java")
        // It runs for a second: what starts quicker is better than what runs quicker.
        .args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("java cannot be started, run tools/install: {error}"));
    let mut input = java.stdin.take().expect("it is piped");
    let text = questions.join("\n") + "\n";
    // It reads all questions before it answers, so neither waits for the other.
    input.write_all(text.as_bytes()).expect("java ended early, run tools/install if it has no compiler");
    drop(input);
    let output = java.wait_with_output().expect("its output is read");
    assert!(output.status.success(), "java failed, run tools/install if it has no compiler");
    String::from_utf8(output.stdout).expect("it answers in ASCII").lines().map(str::to_owned).collect()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % limit as u64).expect("it is below a `usize`")
    }

    fn text(&mut self) -> String {
        let parts = [
            "\n",
            "\r",
            "\r\n",
            "\u{feff}",
            "a",
            "SELECT 1;",
            "é",
            "€",
            "𝄞",
            "\0",
            "\u{85}",
            "\u{2028}",
            "\x0c",
            "\x0b",
            " ",
            "\u{7f}",
        ];
        (0..self.below(12)).map(|_| parts[self.below(parts.len())]).collect()
    }

    fn bytes(&mut self) -> Vec<u8> {
        let parts: [&[u8]; 16] = [
            b"a\n",
            b"\xef\xbb\xbf",
            b"\xff\xfe",
            b"\xfe\xff",
            b"\xd8\x34\xdd\x1e",
            b"\x34\xd8\x1e\xdd",
            b"\xd8",
            b"\xdd",
            b"\0",
            b"\xc3\xa9",
            b"\xe2\x82",
            b"\xac",
            b"\xed\xa0\x80",
            b"\xc0\x80",
            b"\xf0\x9d\x84\x9e",
            b"\xf4\x90\x80\x80",
        ];
        (0..self.below(6)).flat_map(|_| parts[self.below(parts.len())].to_vec()).collect()
    }
}
