//! `restage diagnose`: the runbook of a migrator that failed.

mod asked;
mod fix;
mod history;

use crate::args::{Common, Diagnose as Args, Format};
use crate::desk::Desk;
use crate::fault::{Fault, exit};
use crate::render;
use crate::screen::Screen;
use asked::asked;
use fix::Fixed;
use restage_core::diagnosis::{Consent, Diagnosis, Extent, LeaseSeen, Observed, Purge, Standing as Seen, diagnose};
use restage_core::provider::Clock;
use restage_core::{Result, diagnosis};
use restage_providers::aws::Aws;
use restage_providers::clock::SystemClock;
use restage_providers::diagnosis::{Asked, Examiner};
use restage_providers::queues::{AllQueues, SqsQueues};
use restage_store::{Standing, TargetKey};
use serde::Serialize;
use std::sync::Arc;

pub(crate) async fn run(common: &Common, args: &Args, screen: Screen) -> Result<u8, Fault> {
    let desk = Desk::open(common, screen).await?;
    if args.history {
        return history::show(&desk, screen).await;
    }
    let consulting = Consulting::new(&desk, asked(common, args)?, args);
    let first = consulting.look().await;
    if !args.fixing.fix {
        show(&Shown { diagnosis: &first, fixes: &[] }, screen);
        return Ok(code(&first));
    }
    screen.talk(&render::diagnosis(&first, screen));
    let fixes = fix::fix(&consulting, first, args, screen).await?;
    let last = consulting.look().await;
    show(&Shown { diagnosis: &last, fixes: &fixes }, screen);
    Ok(code(&last))
}

/// What is asked, and who looks.
struct Consulting<'a> {
    desk: &'a Desk,
    asked: Asked,
    examiner: Examiner,
    consent: Consent,
}

impl<'a> Consulting<'a> {
    fn new(desk: &'a Desk, asked: Asked, args: &Args) -> Self {
        let aws = Aws::default();
        let local = Arc::new(desk.store().queues(Arc::new(SystemClock)));
        let queues = AllQueues::new(Arc::new(SqsQueues::new(aws.clone())), local);
        let consent = Consent {
            purge: if args.beyond.purge_anyway { Purge::Anybodys } else { Purge::OfTheDead },
            history: if args.beyond.align_history { Extent::All } else { Extent::Failed },
        };
        Self { desk, asked, examiner: desk.world().examiner(aws, queues), consent }
    }

    async fn look(&self) -> Diagnosis {
        let symptoms = self.examiner.gather(&self.asked, self.lease().await, SystemClock.now()).await;
        diagnose(&symptoms, self.consent)
    }

    /// The store's key of the database.
    fn target(&self) -> Option<TargetKey> {
        self.asked.database.as_ref().map(|patient| TargetKey::of(&patient.address))
    }

    async fn lease(&self) -> Observed<Option<LeaseSeen>> {
        let Some(target) = self.target() else { return Observed::NotAsked };
        let hold = self.desk.store().hold(&target, &crate::person::host()).await;
        Observed::from(hold.map(|hold| {
            hold.map(|hold| LeaseSeen {
                run: hold.run,
                holder: hold.holder.to_string(),
                standing: match hold.standing {
                    Standing::Alive => Seen::Alive,
                    Standing::Gone => Seen::Gone,
                    Standing::Unknown => Seen::Unknown,
                },
                since: hold.since,
                expires: hold.expires,
            })
        }))
    }
}

/// What programs are shown.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    diagnosis: &'a Diagnosis,
    /// What was done before.
    fixes: &'a [Fixed],
}

fn show(shown: &Shown<'_>, screen: Screen) {
    match screen.format() {
        Format::Text => screen.data(&render::diagnosis(shown.diagnosis, screen)),
        Format::Json => screen.json(shown),
    }
}

fn code(diagnosis: &diagnosis::Diagnosis) -> u8 {
    if diagnosis.findings.is_empty() { exit::DONE } else { exit::FOUND }
}
