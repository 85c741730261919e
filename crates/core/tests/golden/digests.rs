//! What a plan's digest depends on: everything that decided it, and nothing that only informs.

use super::case::Case;
use crate::facts::{add_table, column, integer};
use restage_core::facts::{CopyFacts, Leftover};

fn digest(observed: impl FnOnce(&mut CopyFacts)) -> String {
    Case::copying("keep: [users]").but(observed).plan().unwrap().digest()
}

#[test]
fn sizes_counts_and_leftovers_do_not_change_it() {
    let informing = |facts: &mut CopyFacts| {
        facts.source.estimates.bytes += 1;
        facts.target.estimates.database_connections = 9;
        facts.keep.values_mut().for_each(|kept| kept.found += 1);
        facts.leftovers.push(Leftover { database: "x".into(), run: "y".into(), alive: false, bytes: 1 });
    };
    assert_eq!(digest(informing), digest(|_| {}));
}

#[test]
fn structure_identity_and_version_change_it() {
    let deciding: [fn(&mut CopyFacts); 4] = [
        |facts| add_table(&mut facts.source, "news", vec![column("id", integer())], vec![]),
        |facts| facts.target.identity.oid += 1,
        |facts| facts.source.server_version = 150_017,
        |facts| facts.target.objects.values_mut().for_each(|digest| digest.push('!')),
    ];
    let same = digest(|_| {});
    for observed in deciding {
        assert_ne!(digest(observed), same);
    }
}
