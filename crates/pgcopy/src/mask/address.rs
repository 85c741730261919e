//! Made-up street addresses in one line: `17 Juniper Lane, Larkhollow, QX4 7BD`. Postcodes with Q exist nowhere.

use super::siphash::{Digest, below};

const STREETS: [&str; 64] = [
    "Acorn", "Alder", "Almond", "Amber", "Apple", "Ash", "Aspen", "Barley", "Beech", "Birch", "Bramble", "Brook", "Cedar",
    "Cherry", "Chestnut", "Clover", "Copper", "Cypress", "Daisy", "Elder", "Elm", "Fern", "Field", "Forest", "Garden", "Granite",
    "Harbour", "Hazel", "Heather", "Holly", "Ivy", "Juniper", "Lake", "Larch", "Laurel", "Lavender", "Lilac", "Linden", "Maple",
    "Meadow", "Mill", "Moss", "Myrtle", "Oak", "Olive", "Orchard", "Pear", "Pine", "Plum", "Poplar", "Primrose", "Quarry", "River",
    "Rowan", "Sage", "Spring", "Spruce", "Station", "Sycamore", "Thistle", "Valley", "Violet", "Walnut", "Willow",
];
const WAYS: [&str; 16] = [
    "Street", "Road", "Lane", "Avenue", "Close", "Drive", "Way", "Court", "Place", "Terrace", "Gardens", "Crescent", "Grove",
    "Walk", "Rise", "Row",
];
const TOWN_STARTS: [&str; 32] = [
    "Amber", "Barrow", "Bramble", "Copper", "Crow", "Dapple", "Ember", "Fallow", "Fen", "Finch", "Glim", "Hazel", "Heron",
    "Juniper", "Kestrel", "Lark", "Linnet", "Marl", "Mistle", "Nettle", "Otter", "Pebble", "Plover", "Quill", "Raven", "Rush",
    "Sorrel", "Tansy", "Thistle", "Umber", "Willow", "Wren",
];
const TOWN_ENDS: [&str; 16] = [
    "bourne", "combe", "croft", "fold", "garth", "hollow", "hythe", "marrow", "mere", "moor", "reach", "stead", "thwick", "wald",
    "wharf", "wych",
];
const LETTERS: &[u8; 16] = b"ABDEFGHJLNPQRSTU";

/// The highest house number.
const HOUSES: u64 = 299;

/// Appends the address that a value's digest makes.
pub(super) fn append(digest: Digest, fake: &mut Vec<u8>) {
    let [street, way, start, end, first, second, third, tenth] = digest.low.to_le_bytes().map(usize::from);
    append_number(below(digest.high, HOUSES) + 1, fake);
    let town_end = TOWN_ENDS[end % TOWN_ENDS.len()];
    for part in [" ", STREETS[street % 64], " ", WAYS[way % 16], ", ", TOWN_STARTS[start % 32], town_end, ", Q"] {
        fake.extend_from_slice(part.as_bytes());
    }
    let letter = |byte: usize| LETTERS[byte % 16];
    let digit = |number: usize| b'0' + (number % 10).to_le_bytes()[0];
    fake.extend_from_slice(&[letter(first), digit(tenth), b' ', digit(first / 16), letter(second), letter(third)]);
}

fn append_number(number: u64, fake: &mut Vec<u8>) {
    let start = fake.len();
    let mut rest = number;
    while rest > 0 {
        fake.push(b'0' + (rest % 10).to_le_bytes()[0]);
        rest /= 10;
    }
    fake[start..].reverse();
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The longest address that the plan counts on (`restage_core::mask::fit`).
    const ADDRESS_CHARS: usize = 64;

    #[test]
    fn no_address_is_longer_than_the_plan_counts_on() {
        let longest = |list: &[&str]| list.iter().map(|word| word.len()).max().unwrap();
        let words = longest(&STREETS) + longest(&WAYS) + longest(&TOWN_STARTS) + longest(&TOWN_ENDS);
        assert!(words + "299   , , QA0 0AA".len() <= ADDRESS_CHARS);
        for list in [&STREETS[..], &WAYS, &TOWN_STARTS, &TOWN_ENDS] {
            assert!(list.iter().all(|word| word.bytes().all(|byte| byte.is_ascii_alphabetic())));
        }
    }

    #[test]
    fn an_address_looks_like_one() {
        let mut fake = Vec::new();
        append(Digest { low: 0, high: u64::MAX }, &mut fake);
        assert_eq!(fake, b"299 Acorn Street, Amberbourne, QA0 0AA");
    }
}
