//! `restage schema`

use crate::args::{File, Schema as Args};
use crate::fault::exit;
use crate::screen::Screen;
use restage_core::environment::Environments;
use restage_core::scenario::Scenario;

pub(crate) fn run(args: &Args, screen: Screen) -> u8 {
    match args.file {
        File::Environments => screen.json(&Environments::schema()),
        File::Scenario => screen.json(&Scenario::schema()),
    }
    exit::DONE
}
