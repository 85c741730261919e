//! Plans saved to be agreed to before any run.

use crate::runs::moment;
use crate::store::Store;
use crate::trouble::{self, Trouble};
use jiff::Timestamp;
use restage_core::plan::Plan;
use restage_core::run::Person;
use restage_core::{Code, Error, Result};
use rusqlite::{Row, params};
use sha2::{Digest, Sha256};

/// A plan that was saved under its digest.
#[derive(Clone, Debug)]
pub struct SavedPlan {
    /// The plan's digest.
    pub digest: String,
    /// The plan.
    pub plan: Plan,
    /// Who saved it.
    pub by: Person,
    /// When.
    pub at: Timestamp,
}

/// A plan as the database keeps it, with a sum over the very bytes: a plan's digest leaves its outlook out.
pub(crate) struct Written {
    pub(crate) json: String,
    pub(crate) sum: Vec<u8>,
}

impl Written {
    pub(crate) fn of(plan: &Plan) -> Self {
        let json = serde_json::to_string(plan).expect("a plan is plain data");
        let sum = Sha256::digest(&json).to_vec();
        Self { json, sum }
    }

    /// The plan, or what is wrong with it.
    pub(crate) fn read(&self) -> Result<Plan, String> {
        if Sha256::digest(&self.json)[..] != self.sum {
            return Err("it is not as it was saved".into());
        }
        serde_json::from_str(&self.json).map_err(|error| format!("it cannot be read, {error}"))
    }
}

impl Store {
    /// Saves a plan under its digest; saving it again renews the outlook. Returns the digest.
    pub async fn save_plan(&self, plan: &Plan, by: &Person, at: Timestamp) -> Result<String> {
        let (digest, written, by) = (plan.digest(), Written::of(plan), by.clone());
        self.write(move |transaction| {
            transaction.execute(
                "INSERT INTO plans (digest, plan, plan_sum, saved_by, saved_at) VALUES (?, ?, ?, ?, ?)
                 ON CONFLICT (digest) DO UPDATE SET plan = excluded.plan, plan_sum = excluded.plan_sum",
                params![digest, written.json, written.sum, by.0, at.to_string()],
            )?;
            Ok(digest)
        })
        .await
    }

    /// The plan whose digest begins so; [`Code::UnknownName`] unless there is exactly one.
    pub async fn plan(&self, digest: &str) -> Result<SavedPlan> {
        let text = digest.trim().to_lowercase();
        self.read(move |transaction| {
            let query = "SELECT digest, plan, plan_sum, saved_by, saved_at FROM plans
                         WHERE ?1 <> '' AND substr(digest, 1, length(?1)) = ?1 LIMIT 2";
            let mut statement = transaction.prepare_cached(query)?;
            let mut rows = statement.query([&text])?;
            let found = match rows.next()? {
                Some(row) => saved(row)?,
                None => return Err(no_plan(&text).into()),
            };
            match rows.next()? {
                None => Ok(found),
                Some(_) => Err(several_plans(&text).into()),
            }
        })
        .await
    }
}

fn saved(row: &Row<'_>) -> Result<SavedPlan, Trouble> {
    let digest: String = row.get(0)?;
    let written = Written { json: row.get(1)?, sum: row.get(2)? };
    let plan = written.read().map_err(|wrong| trouble::damaged(format!("the saved plan `{digest}`: {wrong}")))?;
    Ok(SavedPlan { digest, plan, by: Person(row.get(3)?), at: moment(&row.get::<_, String>(4)?)? })
}

fn no_plan(text: &str) -> Error {
    let error = Code::UnknownName.error(format!("no saved plan has the digest `{text}`"));
    error.help("`restage plan --save` saves a plan and prints its digest")
}

fn several_plans(text: &str) -> Error {
    let error = Code::UnknownName.error(format!("several saved plans have digests that begin with `{text}`"));
    error.help("give more characters of the digest")
}
