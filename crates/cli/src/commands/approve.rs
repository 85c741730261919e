//! `restage approve`

use crate::args::{Common, OneRun};
use crate::desk::Desk;
use crate::fault::Fault;
use crate::person::person;
use crate::screen::Screen;
use restage_core::Code;
use restage_core::run::{Request, Run};
use restage_core::steps::may_approve;

pub(crate) async fn run(common: &Common, args: &OneRun, screen: Screen) -> Result<u8, Fault> {
    let desk = Desk::open(common, screen).await?;
    let id = desk.find(&args.run).await?;
    let requests = {
        let (saved, events) = desk.load(&id).await?;
        let run = Run::replay(&saved.plan, &events)?;
        let gates = run.parked();
        if gates.is_empty() {
            let error =
                Code::WrongMoment.error(format!("run {id} does not wait for an approval")).help(format!("see `restage show {id}`"));
            return Err(error.into());
        }
        let plan = saved.plan.digest();
        for gate in &gates {
            may_approve(&run, gate.step, &plan, &person())?;
            screen.talk(&format!("approving {}. {}", gate.step.0 + 1, saved.plan.step(gate.step).title));
        }
        gates.into_iter().map(|gate| Request::Approve { step: gate.step, plan: plan.clone() }).collect::<Vec<_>>()
    };
    desk.ask(&id, &requests).await
}
