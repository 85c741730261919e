//! The mask `digits` on a number of a JSON document.

use super::super::Misread;
use super::super::permutation::Permutation;

const NO_NUMBER: Misread = Misread("is no JSON number");

/// Appends the fake: the whole part as an integer of its column would be masked, the digits after the point as a row of their
/// own; sign, point and exponent stay.
pub(super) fn append_digits(
    permutation: &Permutation,
    number: &[u8],
    fake: &mut Vec<u8>,
    row: &mut Vec<u8>,
) -> Result<(), Misread> {
    let (sign, unsigned) = match number {
        [b'-', rest @ ..] => (&b"-"[..], rest),
        all => (&b""[..], all),
    };
    let (whole, rest) = digits(unsigned);
    if whole.is_empty() {
        return Err(NO_NUMBER);
    }
    fake.extend_from_slice(sign);
    append_whole(permutation, &number[..sign.len() + whole.len()], whole, fake, row);
    let rest = match rest {
        [b'.', after @ ..] => {
            let (fraction, rest) = digits(after);
            fake.push(b'.');
            append_row(permutation, fraction, fake, row);
            rest
        }
        rest => rest,
    };
    if !rest.is_empty() && !is_exponent(rest) {
        return Err(NO_NUMBER);
    }
    fake.extend_from_slice(rest);
    Ok(())
}

fn append_whole(permutation: &Permutation, signed: &[u8], whole: &[u8], fake: &mut Vec<u8>, row: &mut Vec<u8>) {
    if let Some(value) = integer(signed) {
        let permuted = permutation.integer(value).unsigned_abs();
        fake.extend_from_slice(permuted.to_string().as_bytes());
        return;
    }
    let start = fake.len();
    fake.extend_from_slice(whole);
    // Ends: a permutation leads back to where it came from, which is no integer of 8 bytes and begins with no zero.
    loop {
        let permuted = fake.split_off(start);
        append_row(permutation, &permuted, fake, row);
        if fake[start] != b'0'
            && (whole.len() > 19 || integer(&[&signed[..signed.len() - whole.len()], &fake[start..]].concat()).is_none())
        {
            return;
        }
    }
}

fn append_row(permutation: &Permutation, digits: &[u8], fake: &mut Vec<u8>, row: &mut Vec<u8>) {
    row.clear();
    row.extend(digits.iter().map(|byte| byte - b'0'));
    permutation.row(row);
    fake.extend(row.iter().map(|digit| b'0' + digit));
}

fn integer(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().take_while(|byte| byte.is_ascii_digit()).count())
}

fn is_exponent(text: &[u8]) -> bool {
    let ([b'e' | b'E', b'+' | b'-', digits @ ..] | [b'e' | b'E', digits @ ..]) = text else { return false };
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::MaskKey;

    fn fake(number: &str) -> Result<String, Misread> {
        let keys = MaskKey::new(b"example").unwrap().keys;
        let mut fake = Vec::new();
        append_digits(&keys.permutation, number.as_bytes(), &mut fake, &mut Vec::new())?;
        Ok(String::from_utf8(fake).unwrap())
    }

    #[test]
    fn shapes_stay_and_results_are_numbers() {
        for number in [
            "0",
            "-0",
            "7",
            "-42",
            "3.1400",
            "0.5",
            "10e3",
            "-1.5E-10",
            "9223372036854775807",
            "9223372036854775808",
            "-9223372036854775809",
        ] {
            let made = fake(number).unwrap();
            let shape = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "0");
            assert_eq!(shape(&made), shape(number), "{made}");
            serde_json::from_str::<serde_json::Value>(&made).unwrap();
        }
        assert_eq!(fake("0").unwrap(), "0");
        let huge = "1".repeat(40);
        assert_eq!(fake(&huge).unwrap().len(), 40);
    }

    #[test]
    fn numbers_past_the_integers_stay_past_them() {
        for nth in 0..200_u64 {
            let made = fake(&(9_300_000_000_000_000_000 + nth).to_string()).unwrap();
            assert!(made.parse::<i64>().is_err() && made.len() == 19 && !made.starts_with('0'), "{made}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "-", "tru", "1x", "1e", "1.2.3", "+1", "NaN"] {
            assert!(fake(text).is_err(), "{text}");
        }
    }
}
