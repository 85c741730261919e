//! Generated texts: what was joined is split again, and no text at all breaks the splitter.

use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use restage_migrate::statements::{Statement, StatementKind, split};

fn found(text: &str) -> Vec<Statement<'_>> {
    split(text, Path::new("V1__a.sql")).collect::<Result<_, _>>().expect("the text is closed")
}

/// Something that a statement is made of, which neither ends it nor leaves it open.
fn piece() -> impl Strategy<Value = String> {
    let literal = "[a-z;$\"\\\\\n-]{0,6}".prop_map(|text| format!("'{text}''{text}'"));
    // The comma keeps a literal behind it from being read as its next part.
    let escaping = "([a-z;$\"]|''|\\\\[a-z'\\\\;]){0,6}".prop_map(|text| format!("E'{text}',"));
    let continued = "([a-z;]|\\\\['\\\\;]){0,4}".prop_map(|text| format!("e'' -- ;\n '{text}',"));
    let name = "[a-z;$'\\\\\n-]{1,6}".prop_map(|text| format!("\"{text}\"\"{text}\""));
    let dollars = ("[a-z]{0,2}", "[a-z;'\"\n$(-]{0,8}")
        .prop_filter("closes itself", |(tag, text)| !format!("{text}$").contains(&format!("${tag}$")))
        .prop_map(|(tag, text)| format!("${tag}${text}${tag}$"));
    let comment = "[a-z;'\"$( ]{0,6}".prop_map(|text| format!("/*{text}/* ; {text}*/;**/"));
    let line = "[a-z;'\"$(*/ ]{0,6}".prop_map(|text| format!("--{text}\n"));
    let parenthesis = "[a-z;0-9é, ]{0,6}".prop_map(|text| format!("({text};({text}))"));
    prop_oneof![
        literal,
        escaping,
        continued,
        name,
        dollars,
        comment,
        line,
        parenthesis,
        "[a-zé_][a-z0-9é_$]{0,5}".prop_filter("ends a body", |word| !["case", "end"].contains(&word.as_str())),
        "[0-9]{1,3}",
        "[+*<>=.,:@#%^&|~?!\\[\\]]{1,3}",
        "\\$[0-9]",
    ]
}

/// A statement, and the rows behind it.
fn statement() -> impl Strategy<Value = (String, Option<String>)> {
    let ordinary = (vec(piece(), 0..8), blank()).prop_map(|(pieces, blank)| (format!("SELECT {} x", pieces.join(&blank)), None));
    let body = vec(vec(piece(), 0..4), 0..4).prop_map(|statements| {
        let statements: Vec<_> = statements.iter().map(|pieces| format!("SELECT CASE {} x END;", pieces.join(" "))).collect();
        (format!("CREATE FUNCTION f() BEGIN ATOMIC {} END", statements.join("\n")), None)
    });
    let copy = vec("[a-z';$\t\"\\\\(-]{0,6}", 0..4).prop_map(|rows| {
        let rows: String = rows.iter().filter(|row| row.trim() != "\\.").map(|row| format!("{row}\n")).collect();
        ("COPY t (a) FROM STDIN".to_owned(), Some(rows))
    });
    prop_oneof![6 => ordinary, 1 => body, 1 => copy]
}

fn blank() -> impl Strategy<Value = String> {
    prop_oneof!["[ \t\n]{1,2}", Just("\r\n".to_owned())]
}

/// What may stand between two statements.
fn gap() -> impl Strategy<Value = String> {
    vec(prop_oneof![blank(), Just(";".to_owned()), Just("-- ';\n".to_owned()), Just("/* ; */".to_owned())], 0..4)
        .prop_map(|gaps| gaps.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn what_was_joined_is_split_again(parts in vec((gap(), statement()), 0..6), last in gap()) {
        let mut text = String::new();
        let mut places = Vec::new();
        for (gap, (sql, rows)) in &parts {
            text.push_str(gap);
            let line_start = text.rfind('\n').map_or(0, |end| end + 1);
            places.push((1 + text.matches('\n').count(), 1 + text[line_start..].chars().count()));
            text.push_str(sql);
            text.push(';');
            if let Some(rows) = rows {
                text.push_str(&format!("\n{rows}\\.\n"));
            }
        }
        text.push_str(&last);

        let found = found(&text);
        prop_assert_eq!(found.len(), parts.len(), "{}", text);
        for ((statement, (_, (sql, rows))), place) in found.iter().zip(&parts).zip(places) {
            let kind = rows.as_deref().map_or(StatementKind::Ordinary, |data| StatementKind::CopyFromStdin { data });
            prop_assert_eq!((statement.sql, statement.kind), (sql.as_str(), kind));
            prop_assert_eq!((statement.line, statement.column), place);
        }
    }

    #[test]
    fn every_part_of_a_text_is_a_statement_or_holds_none(text in wild()) {
        let mut at = 0;
        let mut has_failed = false;
        for statement in split(&text, Path::new("a.sql")) {
            let Ok(statement) = statement else { has_failed = true; break };
            prop_assert!(at <= statement.offset);
            prop_assert!(found(&text[at..statement.offset]).is_empty());
            at = statement.offset + statement.sql.len();
            prop_assert_eq!(&text[statement.offset..at], statement.sql);
            if let StatementKind::CopyFromStdin { data } = statement.kind {
                let rows = at + text[at..].find('\n').unwrap() + 1;
                prop_assert!(text[rows..].starts_with(data));
                let end = text[rows + data.len()..].find('\n').map_or(text.len(), |end| rows + data.len() + end + 1);
                prop_assert_eq!(text[rows + data.len()..end].trim_matches(|around| around <= ' '), "\\.");
                at = end;
            }
        }
        prop_assert!(has_failed || found(&text[at..]).is_empty());
    }
}

/// Texts of what the splitter looks for, in no order.
fn wild() -> impl Strategy<Value = String> {
    let dense = prop::sample::select(vec![
        "'",
        "\"",
        "$",
        "$$",
        "$a$",
        "E'",
        "\\",
        "(",
        ")",
        ";",
        "--",
        "/*",
        "*/",
        "/*+",
        "\n",
        "\r\n",
        " ",
        "a",
        "1",
        "é",
        "\u{feff}",
        "\u{a0}",
        "COPY t FROM STDIN;\n",
        "\\.\n",
        "CREATE FUNCTION f ",
        "BEGIN ATOMIC ",
        "CASE ",
        "END ",
        "AS ",
        ".",
        "\0",
        "𝄞",
    ]);
    prop_oneof![3 => vec(dense, 0..24).prop_map(|parts| parts.concat()), 1 => any::<String>()]
}
