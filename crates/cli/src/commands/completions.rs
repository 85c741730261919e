//! `restage completions`

use crate::args::{Cli, Completions as Args};
use crate::fault::exit;
use crate::screen::Screen;
use clap::CommandFactory;

pub(crate) fn run(args: &Args, screen: Screen) -> u8 {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "restage", &mut script);
    screen.data(&String::from_utf8_lossy(&script));
    exit::DONE
}
