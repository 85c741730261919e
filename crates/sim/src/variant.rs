//! What a suite tests: the product's rules on faithful providers, or a broken variant that it must catch.

use crate::world::Strangers;
use restage_core::provider::Providers;
use restage_core::run::{Rules, Sound};

/// The engine's rules and the world's providers, sound or broken in one way.
pub struct Variant {
    /// The engine's rules.
    pub rules: Box<dyn Rules>,
    /// What comes between the engine and the world's providers.
    pub providers: fn(Providers) -> Providers,
    /// What providers do about strangers.
    pub strangers: Strangers,
    /// How closely its drivers are watched.
    pub watched: Watched,
}

/// How closely drivers are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watched {
    /// At every event the live run is compared with its replayed journal, and no driver may go on without its journal.
    Closely,
    /// Only what becomes of the world counts; a broken variant is to be seen there.
    ByEffects,
}

impl Variant {
    /// The product.
    pub fn sound() -> Self {
        Self { watched: Watched::Closely, ..Self::broken() }
    }
    /// The product, to be broken in one way.
    pub fn broken() -> Self {
        Self {
            rules: Box::new(Sound),
            providers: |providers| providers,
            strangers: Strangers::Respected,
            watched: Watched::ByEffects,
        }
    }
}
