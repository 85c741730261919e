//! `restage copy`: a scenario made of the command line alone.

use super::agreed;
use super::plan::{decide, look};
use crate::args::{Common, Copy as Args};
use crate::desk::Desk;
use crate::fault::{Fault, exit};
use crate::person::person;
use crate::project::Prepared;
use crate::render;
use crate::screen::Screen;
use restage_core::document::Source;
use restage_core::environment::Environments;
use restage_core::facts::{DatabaseFacts, ObjectKind, ObjectName};
use restage_core::provider::{Gone, Stay};
use restage_core::run::Due;
use restage_core::scenario::{Family, PromptValues};
use restage_core::{Code, Error};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The variables that hold what no command line should.
const SOURCE_PASSWORD: &str = "RESTAGE_SOURCE_PASSWORD";
const TARGET_PASSWORD: &str = "RESTAGE_TARGET_PASSWORD";
const MASK_SECRET: &str = "RESTAGE_MASK_SECRET";
/// The database that `createdb` and its like connect to.
const MAINTENANCE: &str = "postgres";
/// Objects that a refusal names.
const NAMED: usize = 3;

pub(crate) async fn run(common: &Common, args: &Args, screen: Screen) -> Result<u8, Fault> {
    let prepared = prepare(args)?;
    let desk = Desk::open(common, screen).await?;
    let facts = look(&desk, &prepared).await?;
    if !args.replace {
        if target_database(&prepared).is_some_and(|database| database == MAINTENANCE) {
            let message = format!("{} is the database that tools of the server connect to", args.target);
            return Err(Code::TargetInUse.error(message).help("name a database of its own, or add `--replace`").into());
        }
        facts.copies.iter().try_for_each(|(_, copy)| expect_empty(&copy.target, &args.target))?;
    }
    let plan = decide(&prepared, &facts)?;
    screen.talk(&render::plan(&plan, screen));
    screen.talk("");
    // Nothing of an empty database can be lost.
    if !agreed(screen, "Replace it?", args.yes || !args.replace)? {
        return Ok(exit::REFUSED);
    }
    let run = desk.save(plan, &person()).await?;
    screen.talk(&format!("run {run}"));
    let code = desk.drive(&run).await?;
    if code == exit::DONE && !args.replace {
        // The empty database that was there before is of no use to anybody.
        let retired = desk.retire(&run, Due::Expired, Stay::UntilCertain).await?;
        if retired.iter().any(|(_, gone)| *gone == Gone::Soon) {
            screen.talk("the server is still dropping the empty database that was there before");
        }
    }
    Ok(code)
}

fn prepare(args: &Args) -> Result<Prepared, Fault> {
    let environments = Environments::parse(&Source::new("the addresses", environments(args)))?;
    let masks = args.mask.as_deref().map(read).transpose()?;
    let root = Source::new("copy.yaml", scenario(args, masks.as_deref()));
    let family = Family::parse(&root, &[], &environments, &PromptValues::default())?;
    Ok(Prepared { environments, family, files: BTreeMap::new(), folder: PathBuf::from("/") })
}

fn environments(args: &Args) -> String {
    let database = |url: &str, variable: &str| {
        let password = std::env::var_os(variable).map(|_| format!(", password: {{ env: {variable} }}")).unwrap_or_default();
        format!("{{ url: {}{password} }}", quoted(url))
    };
    format!(
        "environments:\n  source: {{ production: true, databases: {{ database: {} }} }}\n  target: {{ databases: {{ database: {} }} }}\n",
        database(&args.source, SOURCE_PASSWORD),
        database(&args.target, TARGET_PASSWORD),
    )
}

fn scenario(args: &Args, masks: Option<&str>) -> String {
    let mut text = String::from("scenario: copy\ntitle: Copy a database\nfrom: source\nto: target\n");
    if masks.is_some() {
        text += &format!("mask-secret: {{ env: {MASK_SECRET} }}\n");
    }
    let retain = if args.replace { "1d" } else { "0s" };
    text += &format!(
        "stages:\n  - copy-database:\n      database: database\n      migrations: {{ require: any }}\n      deltas: drop\n      retain: {retain}\n"
    );
    for (key, patterns) in [("only", &args.only), ("without", &args.without), ("without-rows", &args.without_rows)] {
        if !patterns.is_empty() {
            let patterns: Vec<String> = patterns.iter().map(|pattern| quoted(pattern)).collect();
            text += &format!("      {key}: [{}]\n", patterns.join(", "));
        }
    }
    if let Some(workers) = args.workers {
        text += &format!("      workers: {workers}\n");
    }
    let limits = [
        ("source-connections", args.source_connections.map(|sessions| sessions.to_string())),
        ("source-rate", args.source_rate.map(|rate| rate.to_string())),
        ("index-memory", args.index_memory.map(|memory| memory.to_string())),
    ];
    let limits: Vec<String> = limits.into_iter().filter_map(|(key, limit)| Some(format!("{key}: {}", limit?))).collect();
    if !limits.is_empty() {
        text += &format!("      limits: {{ {} }}\n", limits.join(", "));
    }
    if args.checksums {
        text += "      verify: checksums\n";
    }
    if let Some(masks) = masks {
        text += "      mask:\n";
        text.extend(masks.lines().map(|line| format!("        {line}\n")));
    }
    text
}

fn target_database(prepared: &Prepared) -> Option<&str> {
    let (_, target) = prepared.environments.iter().find(|(_, environment)| !environment.is_production())?;
    target.databases.values().next().map(|address| address.database.as_str())
}

/// A string as YAML has it; JSON's is one.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|cause| {
        Code::FileUnreadable
            .error(format!("cannot read `{}`", path.display()))
            .help("name a file of masks with `--mask`")
            .because(cause)
    })
}

/// Nothing of somebody's is lost by a slip of the fingers.
fn expect_empty(target: &DatabaseFacts, address: &str) -> Result<(), Error> {
    let is_content = |object: &&ObjectName| match object.kind {
        ObjectKind::Extension | ObjectKind::Comment => false,
        ObjectKind::Schema => object.name != "public",
        _ => true,
    };
    let mut content: Vec<&ObjectName> = target.objects.keys().filter(is_content).collect();
    // Tables say most.
    content.sort_by_key(|object| object.kind != ObjectKind::Table);
    let configured = target.schema.tables.iter().filter(|(_, table)| table.extension_config.is_some());
    let rows: u64 = configured.filter_map(|(name, _)| target.estimates.tables.get(name)).map(|table| table.rows).sum();
    if content.is_empty() && target.estimates.large_objects == 0 && rows == 0 {
        return Ok(());
    }
    if content.is_empty() {
        let message =
            format!("{address} is not empty: {} large objects, {rows} rows of extensions", target.estimates.large_objects);
        return Err(Code::TargetInUse.error(message).help("copy into an empty database, or add `--replace`"));
    }
    let more = content.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let names: Vec<String> =
        content.iter().take(NAMED).map(|object| format!("{} `{}`", object.kind.word().to_lowercase(), object.name)).collect();
    Err(Code::TargetInUse
        .error(format!("{address} is not empty: {}{more}", names.join(", ")))
        .help("copy into an empty database, or add `--replace`"))
}
