//! The mask `json`: a document is copied byte by byte, and only what the paths lead to is replaced.
//!
//! So numbers keep their digits, objects their order and their doubled keys, and a `json` its blanks.

mod number;
mod path;
mod string;

use self::path::Node;
use super::Misread;
use super::date::Shift;
use super::key::Keys;
use super::noise::{self, Noise};
use super::text::{self, Equality, TextMask};
use memchr::memchr2;
use restage_core::mask::Mask;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;

const NO_JSON: Misread = Misread("is no JSON document");

/// Masks by path, ready to use.
pub(super) struct JsonMask {
    root: Node,
}

/// What becomes of the value that a path leads to.
#[derive(Clone)]
enum Leaf {
    Null,
    Fixed(Fixed),
    Text(TextMask),
    Date(Shift),
    Noise(Noise),
}

/// A fixed value.
#[derive(Clone)]
struct Fixed {
    /// As a string, quoted.
    string: Vec<u8>,
    /// As it is, where it is JSON itself: it replaces what is no string.
    json: Option<Vec<u8>>,
}

/// Room to work in, reused from value to value.
#[derive(Default)]
pub(super) struct Desk {
    plain: Vec<u8>,
    piece: Vec<u8>,
    row: Vec<u8>,
    text: text::Desk,
    noise: noise::Desk,
}

impl JsonMask {
    /// Reads the paths; fails with the one that cannot be.
    pub(super) fn new(paths: &BTreeMap<String, Mask>) -> Result<Self, String> {
        let mut root = Node::default();
        add(&mut root, "", paths)?;
        root.settle();
        Ok(Self { root })
    }

    /// Appends the masked document.
    pub(super) fn append(&self, keys: &Keys, document: &[u8], fake: &mut Vec<u8>, desk: &mut Desk) -> Result<(), Misread> {
        let mut rewriter = Rewriter { text: document, at: 0, copied: 0, fake, keys, desk };
        rewriter.value(Some(&self.root), None)?;
        rewriter.space();
        if rewriter.at < document.len() {
            return Err(NO_JSON);
        }
        rewriter.flush(document.len());
        Ok(())
    }
}

fn add(root: &mut Node, prefix: &str, paths: &BTreeMap<String, Mask>) -> Result<(), String> {
    for (path, mask) in paths {
        let tail = path.strip_prefix('$').ok_or_else(|| path.clone())?;
        let whole = format!("{prefix}{tail}");
        if let Mask::Json(inner) = mask {
            add(root, &whole, inner)?;
        } else {
            *root.place(&whole).ok_or_else(|| path.clone())? = Some(Leaf::of(mask).ok_or_else(|| path.clone())?);
        }
    }
    Ok(())
}

impl Leaf {
    fn of(mask: &Mask) -> Option<Self> {
        Some(match mask {
            Mask::Null => Self::Null,
            Mask::Fixed(text) => Self::Fixed(Fixed::new(text)),
            Mask::DateShift { days } => Self::Date(Shift::new(*days)),
            Mask::NumberNoise { percent } => Self::Noise(Noise::new(*percent)),
            other => Self::Text(TextMask::of(other)?),
        })
    }
}

impl Fixed {
    fn new(text: &str) -> Self {
        let mut string = vec![b'"'];
        string::append_escaped(text.as_bytes(), &mut string);
        string.push(b'"');
        let json = serde_json::from_str::<IgnoredAny>(text).is_ok().then(|| text.as_bytes().to_vec());
        Self { string, json }
    }
}

/// A walk through one document.
struct Rewriter<'a> {
    text: &'a [u8],
    at: usize,
    /// What lies before is in the fake already.
    copied: usize,
    fake: &'a mut Vec<u8>,
    keys: &'a Keys,
    desk: &'a mut Desk,
}

impl Rewriter<'_> {
    /// Goes through the value here. Calls itself no deeper than the longest path goes.
    fn value(&mut self, node: Option<&Node>, inherited: Option<&Leaf>) -> Result<(), Misread> {
        self.space();
        let leaf = node.and_then(|node| node.leaf.as_ref()).or(inherited);
        let whole = matches!(leaf, Some(Leaf::Null | Leaf::Fixed(_)));
        match (self.peek()?, node, leaf) {
            (b'{', Some(node), leaf) if node.has_keys() && !whole => self.members(node, leaf),
            (b'[', Some(node), leaf) if node.has_items() && !whole => self.items(node, leaf),
            (_, _, None) => self.skip(),
            (b'{' | b'[', _, Some(leaf)) if !whole => self.all(leaf),
            (_, _, Some(leaf)) => self.replace(leaf),
        }
    }

    fn members(&mut self, node: &Node, leaf: Option<&Leaf>) -> Result<(), Misread> {
        self.at += 1;
        self.space();
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            self.space();
            let (start, end) = self.string()?;
            let child = self.key(start, end, node);
            self.space();
            self.expect(b':')?;
            self.value(child, leaf)?;
            self.space();
            if !self.take(b',') {
                return self.expect(b'}');
            }
        }
    }

    fn items(&mut self, node: &Node, leaf: Option<&Leaf>) -> Result<(), Misread> {
        self.at += 1;
        self.space();
        if self.take(b']') {
            return Ok(());
        }
        let mut nth = 0;
        loop {
            self.value(node.item(nth), leaf)?;
            nth += 1;
            self.space();
            if !self.take(b',') {
                return self.expect(b']');
            }
        }
    }

    /// The node of the key between two quotes.
    fn key<'n>(&mut self, start: usize, end: usize, node: &'n Node) -> Option<&'n Node> {
        let raw = &self.text[start + 1..end - 1];
        if !raw.contains(&b'\\') {
            return node.key(raw);
        }
        self.desk.plain.clear();
        string::append_plain(raw, &mut self.desk.plain);
        node.key(&self.desk.plain)
    }

    /// Masks every value inside the object or list here; keys stay.
    fn all(&mut self, leaf: &Leaf) -> Result<(), Misread> {
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1).ok_or(NO_JSON)?;
                    self.at += 1;
                    if depth == 0 {
                        return Ok(());
                    }
                }
                b' ' | b'\t' | b'\n' | b'\r' | b',' | b':' => self.at += 1,
                b'"' if self.is_key()? => {
                    self.string()?;
                }
                _ => self.replace(leaf)?,
            }
        }
    }

    /// Whether the string here is followed by a colon, as only keys are.
    fn is_key(&mut self) -> Result<bool, Misread> {
        let start = self.at;
        self.string()?;
        self.space();
        let is_key = self.text.get(self.at) == Some(&b':');
        self.at = start;
        Ok(is_key)
    }

    /// Replaces the value here: a whole one under `null` and `fixed`, else a string, a number or a word.
    fn replace(&mut self, leaf: &Leaf) -> Result<(), Misread> {
        let start = self.at;
        self.skip()?;
        let value = &self.text[start..self.at];
        if value == b"null" {
            return Ok(());
        }
        self.flush(start);
        self.copied = self.at;
        match leaf {
            Leaf::Null => self.fake.extend_from_slice(b"null"),
            Leaf::Fixed(fixed) => {
                let json = fixed.json.as_ref().filter(|_| value[0] != b'"');
                self.fake.extend_from_slice(json.unwrap_or(&fixed.string));
            }
            leaf => return self.scalar(leaf, value),
        }
        Ok(())
    }

    fn scalar(&mut self, leaf: &Leaf, value: &[u8]) -> Result<(), Misread> {
        match (value, leaf) {
            ([b'"', raw @ .., b'"'], leaf) => {
                self.fake.push(b'"');
                self.text_of(leaf, raw);
                self.fake.push(b'"');
                Ok(())
            }
            // Nothing that is made up says less.
            (b"true" | b"false", _) => {
                self.fake.extend_from_slice(b"false");
                Ok(())
            }
            (number, Leaf::Noise(noise)) => noise.json(&self.keys.noise, number, &mut self.desk.noise, self.fake),
            (number, _) => number::append_digits(&self.keys.permutation, number, self.fake, &mut self.desk.row),
        }
    }

    /// Appends the fake of what stands between two quotes. What is no date or no number for its mask is masked as `text`.
    fn text_of(&mut self, leaf: &Leaf, raw: &[u8]) {
        let Desk { plain, piece, text, noise, .. } = &mut *self.desk;
        plain.clear();
        piece.clear();
        string::append_plain(raw, plain);
        let made = match leaf {
            Leaf::Text(mask) => {
                mask.append_equal(self.keys, plain, Equality::Bytes, piece, text);
                Ok(())
            }
            Leaf::Date(shift) => shift.json(&self.keys.date, plain, piece),
            Leaf::Noise(change) => change.json(&self.keys.noise, plain, noise, piece),
            Leaf::Null | Leaf::Fixed(_) => Ok(()),
        };
        if made.is_err() {
            piece.clear();
            TextMask::Letters.append_equal(self.keys, plain, Equality::Bytes, piece, text);
        }
        string::append_escaped(piece, self.fake);
    }

    /// Passes over the value here.
    fn skip(&mut self) -> Result<(), Misread> {
        match self.peek()? {
            b'"' => self.string().map(|_| ()),
            b'{' | b'[' => self.skip_nested(),
            _ => {
                let rest = &self.text[self.at..];
                let length =
                    rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')).count();
                self.at += length;
                if length > 0 { Ok(()) } else { Err(NO_JSON) }
            }
        }
    }

    fn skip_nested(&mut self) -> Result<(), Misread> {
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                b'"' => {
                    self.string()?;
                    continue;
                }
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// Passes over the string here and says where its quotes begin and end.
    fn string(&mut self) -> Result<(usize, usize), Misread> {
        let start = self.at;
        self.expect(b'"')?;
        loop {
            let rest = self.text.get(self.at..).ok_or(NO_JSON)?;
            let found = memchr2(b'"', b'\\', rest).ok_or(NO_JSON)?;
            if rest[found] == b'"' {
                self.at += found + 1;
                return Ok((start, self.at));
            }
            self.at += found + 2;
        }
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.text.get(self.at) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Result<u8, Misread> {
        self.text.get(self.at).copied().ok_or(NO_JSON)
    }

    fn take(&mut self, byte: u8) -> bool {
        let taken = self.text.get(self.at) == Some(&byte);
        self.at += usize::from(taken);
        taken
    }

    fn expect(&mut self, byte: u8) -> Result<(), Misread> {
        if self.take(byte) { Ok(()) } else { Err(NO_JSON) }
    }

    fn flush(&mut self, end: usize) {
        self.fake.extend_from_slice(&self.text[self.copied..end]);
        self.copied = end;
    }
}

#[cfg(test)]
mod tests;
