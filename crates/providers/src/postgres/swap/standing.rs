//! How far a swap has come, by the names that exist.

use crate::postgres::listing::{Listed, Listing};
use crate::postgres::mark::{Role, Swap};
use crate::postgres::shadow::stranger;
use restage_core::environment::DatabaseAddress;
use restage_core::name::RunId;
use restage_core::provider::SwapSpec;
use restage_core::{Code, Result};

/// Which of the three databases are there.
#[derive(Debug)]
pub(super) enum Standing<'a> {
    /// Not swapped, or swapped back.
    Before { target: &'a Listed, shadow: &'a Listed },
    /// Swapped: the target is what took the old one's place.
    After { target: &'a Listed, old: &'a Listed, swap: Swap },
    /// The target alone.
    Alone { target: &'a Listed },
    /// The old one without a target.
    Orphaned { old: &'a Listed },
}

impl<'a> Standing<'a> {
    /// Reads it off the list. Databases of these names that are not the run's are refused.
    pub(super) fn of(listing: &'a Listing, spec: &SwapSpec, run: &RunId) -> Result<Self> {
        let find = |address: &DatabaseAddress| listing.find(address.database.as_str());
        let own = |address: &DatabaseAddress| match find(address) {
            Some(found) if !found.is_made_by(run) => Err(stranger(found, address)),
            found => Ok(found),
        };
        let (target, shadow, old) = (find(&spec.target), own(&spec.shadow)?, own(&spec.old)?);
        match (target, shadow, old) {
            (Some(target), Some(shadow), None) => Ok(Self::Before { target, shadow }),
            (Some(target), None, Some(old)) => match old.comment().mark_of(run).map(|mark| mark.role.clone()) {
                Some(Role::Old(swap)) if swap.new == target.oid => Ok(Self::After { target, old, swap }),
                Some(Role::Old(_)) => Err(stranger(target, &spec.target)),
                _ => Err(stranger(old, &spec.old)),
            },
            (Some(target), None, None) => Ok(Self::Alone { target }),
            (None, None, Some(old)) => Ok(Self::Orphaned { old }),
            (Some(_), Some(shadow), Some(_)) => Err(stranger(shadow, &spec.shadow)),
            (None, _, _) => Err(Code::PlanStale
                .error(format!("`{}` is not there any more", spec.target.database))
                .help("find out who dropped or renamed it; `restage show` names every database of the run")),
        }
    }
}
