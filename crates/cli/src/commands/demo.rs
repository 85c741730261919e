//! `restage demo`: two throwaway servers, a production, a drifted preprod, and what restage does with them.

mod act;
mod stage;

use crate::args::Demo as Args;
use crate::fault::{Fault, exit};
use crate::screen::{Screen, Style};
use act::Act;
use restage_core::{Code, Error};
use stage::Stage;

/// The outage that the demo promises to stay below, in seconds.
const OUTAGE_SECONDS: f64 = 2.0;

pub(crate) async fn run(args: &Args, screen: Screen) -> Result<u8, Fault> {
    let scale = args.scale;
    // Starting servers and waiting for them blocks; the demo does nothing else meanwhile.
    let played = tokio::task::spawn_blocking(move || play(scale, screen)).await;
    match played {
        Ok(result) => result.map_err(Fault::from),
        Err(panic) => Err(Code::CommandFailed.error("the demo broke off").because(panic).into()),
    }
}

fn play(scale: f64, screen: Screen) -> Result<u8, Error> {
    let title = |text: &str| screen.talk(&format!("\n{}", screen.paint(Style::Bold, &format!("── {text} ──"))));
    title("two throwaway servers: production, and a preprod that has drifted");
    let stage = Stage::build(scale)?;
    screen.talk(&stage.describe()?);
    let before = stage.looks()?;
    let production = stage.production_looks()?;
    let act = Act::new(&stage, screen)?;

    title("restage plan preprod");
    act.must(&["plan", "preprod"], exit::DONE)?;

    title("restage run preprod, while a client keeps connecting");
    let client = stage.watch_for_outage()?;
    act.must(&["run", "preprod", "--yes"], exit::DONE)?;
    let outage = client.longest_gap().as_secs_f64();
    screen.talk(&format!("\nA client that kept connecting to preprod was without it for {outage:.2} s."));
    expect(outage < OUTAGE_SECONDS, "the outage was longer than promised")?;
    expect(stage.has_own_users()?, "preprod lost its own users")?;
    expect(stage.production_looks()? == production, "production was changed")?;

    title("restage undo: the old preprod is back");
    act.must(&["undo"], exit::DONE)?;
    expect(stage.looks()? == before, "the undone preprod is not the old one")?;

    title("a run is killed in the middle with kill -9");
    act.run_and_kill()?;
    act.must(&["show"], exit::DONE)?;
    expect(stage.looks()? == before, "the killed run touched preprod")?;

    title("restage resume goes on, as if nothing had happened");
    act.must(&["resume"], exit::DONE)?;

    title("restage undo takes that one back as well");
    act.must(&["undo"], exit::DONE)?;
    expect(stage.looks()? == before, "the undone preprod is not the old one")?;
    act.must(&["runs"], exit::DONE)?;
    screen.talk("\nThe servers and all their files are gone now. Your own first refresh: README.md, `restage init`.");
    Ok(exit::DONE)
}

fn expect(holds: bool, otherwise: &str) -> Result<(), Error> {
    if holds { Ok(()) } else { Err(Code::VerifyMismatch.error(otherwise).help("this is a bug of restage; please report it")) }
}
