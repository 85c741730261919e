//! Which row belongs to which script, and what state that makes.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use super::{Migration, State, States};
use crate::history::{Row, RowType, cut_description};
use crate::name::Sort;
use crate::scripts::{Script, Scripts};
use crate::settings::{MissingTarget, Settings, Target};
use crate::version::Version;
use crate::{Kind, Result};

pub(super) fn resolve<'data>(scripts: &'data Scripts, rows: &[&'data Row], settings: &Settings) -> Result<States<'data>> {
    let applied = apply_marks(rows)?;
    let mut context = Context::new(scripts, applied, settings);
    let unapplied = context.unapplied();
    context.pending_baseline = highest(unapplied.iter().filter_map(|script| match &script.sort {
        Sort::Baseline(version) => Some(version),
        _ => None,
    }));
    let mut migrations: Vec<Migration<'data>> = context
        .applied
        .iter()
        .filter(|applied| !applied.is_mark())
        .map(|applied| Migration {
            row: Some(applied.row),
            script: context.script_of(applied.row),
            state: context.state_of(applied),
        })
        .collect();
    migrations.extend(unapplied.iter().map(|script| Migration {
        row: None,
        script: Some(script),
        state: context.state_of_unapplied(script),
    }));
    let below = if rows.is_empty() { Group::Unapplied } else { Group::Below };
    migrations.sort_by(|left, right| order(left, right, below));
    refuse_missing_target(&migrations, settings)?;
    if settings.target == Target::Next {
        context.bound = match migrations.iter().find(|migration| migration.state == State::Pending) {
            Some(first) => first.version().map_or(Bound::None, Bound::At),
            None => Bound::None,
        };
        for migration in &mut migrations {
            if let (None, Some(script)) = (migration.row, migration.script) {
                migration.state = context.state_of_unapplied(script);
            }
        }
    }
    Ok(States { migrations, applied_baseline: context.applied_baseline })
}

/// A row, with what other rows say of it.
struct Applied<'data> {
    row: &'data Row,
    out_of_order: bool,
    deleted: bool,
    undone: bool,
}

impl Applied<'_> {
    /// Whether it is the row that marks a version as deleted, which is not shown.
    fn is_mark(&self) -> bool {
        self.row.sort == RowType::Delete && self.row.success && self.row.version.is_some()
    }

    fn counts(&self) -> bool {
        !self.deleted && !self.undone && self.row.sort != RowType::Delete && !self.row.sort.is_undo()
    }
}

/// What rows say of those before them: a `DELETE` that its version or description counts no more, an undo that it is undone.
fn apply_marks<'data>(rows: &[&'data Row]) -> Result<Vec<Applied<'data>>> {
    let mut applied: Vec<Applied<'data>> = Vec::with_capacity(rows.len());
    // The places of a version's or description's rows, so that a history of thousands is not searched for each of them.
    let mut versions: HashMap<&Version, Vec<usize>> = HashMap::new();
    let mut descriptions: HashMap<&str, Vec<usize>> = HashMap::new();
    for &row in rows {
        let places = match &row.version {
            Some(version) => versions.entry(version).or_default(),
            None => descriptions.entry(&row.description).or_default(),
        };
        if row.success && row.sort == RowType::Delete {
            if let Some(&last) = places.iter().rfind(|&&place| !applied[place].row.sort.is_synthetic()) {
                if applied[last].deleted && row.version.is_some() {
                    return Err(Kind::Invalid
                        .error(format_args!("the history deletes the row of rank {} twice", applied[last].row.installed_rank))
                        .help(format_args!("remove the row of rank {} from the history", row.installed_rank)));
                }
                applied[last].deleted = true;
            }
        } else if row.success
            && row.sort.is_undo()
            && let Some(&last) = places.iter().rfind(|&&place| applied[place].counts())
        {
            applied[last].undone = true;
        }
        places.push(applied.len());
        applied.push(Applied { row, out_of_order: false, deleted: false, undone: false });
    }
    Ok(applied)
}

/// What states depend on.
struct Context<'data, 'settings> {
    settings: &'settings Settings,
    scripts: &'data Scripts,
    applied: Vec<Applied<'data>>,
    by_version: HashMap<(&'data Version, RowType), &'data Script>,
    repeatable: HashMap<Cow<'data, str>, &'data Script>,
    latest_runs: HashMap<&'data str, i32>,
    bound: Bound<'data>,
    last_applied: Option<&'data Version>,
    last_resolved: Option<&'data Version>,
    applied_baseline: Option<&'data Version>,
    pending_baseline: Option<&'data Version>,
}

/// How far versions are pending.
enum Bound<'data> {
    None,
    At(&'data Version),
    Given(Version),
    Nothing,
}

impl Bound<'_> {
    fn excludes(&self, version: &Version) -> bool {
        match self {
            Self::None => false,
            Self::At(bound) => version > *bound,
            Self::Given(bound) => version > bound,
            Self::Nothing => true,
        }
    }
}

impl<'data, 'settings> Context<'data, 'settings> {
    fn new(scripts: &'data Scripts, mut applied: Vec<Applied<'data>>, settings: &'settings Settings) -> Self {
        let last_applied = mark_order(&mut applied);
        let mut latest_runs = HashMap::new();
        for applied in applied.iter().filter(|applied| applied.row.version.is_none()) {
            let latest = latest_runs.entry(applied.row.description.as_str()).or_insert(applied.row.installed_rank);
            *latest = applied.row.installed_rank.max(*latest);
        }
        let bound = match &settings.target {
            Target::Latest | Target::Next => Bound::None,
            Target::Current => last_applied.map_or(Bound::Nothing, Bound::At),
            Target::Version(version, _) => Bound::Given(version.clone()),
        };
        let versioned = || scripts.migrations.iter().filter_map(|script| Some((script.sort.version()?, script)));
        Self {
            settings,
            scripts,
            by_version: versioned().map(|(version, script)| ((version, RowType::of(&script.sort)), script)).collect(),
            repeatable: scripts
                .migrations
                .iter()
                .filter(|script| script.sort == Sort::Repeatable)
                .map(|script| (Cow::Owned(cut_description(&script.description)), script))
                .collect(),
            latest_runs,
            bound,
            last_applied,
            last_resolved: highest(versioned().map(|(version, _)| version)),
            applied_baseline: highest(
                applied.iter().filter(|applied| applied.row.sort.is_baseline()).filter_map(|applied| applied.row.version.as_ref()),
            ),
            pending_baseline: None,
            applied,
        }
    }

    fn script_of(&self, row: &'data Row) -> Option<&'data Script> {
        match &row.version {
            Some(version) => self.by_version.get(&(version, row.sort)).copied(),
            None => self.repeatable.get(row.description.as_str()).copied(),
        }
    }

    fn is_latest_run(&self, row: &Row) -> bool {
        self.latest_runs.get(row.description.as_str()).is_none_or(|latest| *latest == row.installed_rank)
    }

    /// The scripts that no row stands for.
    fn unapplied(&self) -> Vec<&'data Script> {
        let mut applied: HashSet<*const Script> = HashSet::new();
        let mut undone: HashSet<&Version> = HashSet::new();
        for entry in &self.applied {
            let row = entry.row;
            match &row.version {
                Some(version) if row.sort.is_undo() => {
                    undone.insert(version);
                }
                Some(version) if entry.counts() => {
                    // What was applied again can be undone again.
                    undone.remove(version);
                }
                _ => {}
            }
            let stands = entry.counts() && (row.version.is_some() || self.is_latest_run(row));
            if let Some(script) =
                self.script_of(row).filter(|script| stands && (row.version.is_some() || script.matches(row.checksum)))
            {
                applied.insert(std::ptr::from_ref(script));
            }
        }
        let stands_for = |script: &&Script| match &script.sort {
            Sort::Undo(version) => undone.contains(version),
            _ => applied.contains(&std::ptr::from_ref(*script)),
        };
        self.scripts.migrations.iter().filter(|script| !stands_for(script)).collect()
    }

    fn state_of_unapplied(&self, script: &Script) -> State {
        if !script.file.should_execute() {
            return State::Ignored;
        }
        let state = self.state_of_version(script.sort.version());
        let begun = self.applied_baseline.is_some() || self.last_applied.is_some();
        match (&script.sort, state) {
            (Sort::Undo(_), State::BelowBaseline | State::BaselineIgnored) => state,
            (Sort::Undo(_), _) => State::Available,
            (Sort::Baseline(_), State::Pending) if begun => State::Ignored,
            (Sort::Baseline(version), State::BaselineIgnored) if !begun && Some(version) == self.pending_baseline => State::Pending,
            (_, State::Pending) if !self.is_picked(script) => State::Ignored,
            _ => state,
        }
    }

    fn state_of_version(&self, version: Option<&Version>) -> State {
        let Some(version) = version else { return State::Pending };
        let baseline = if self.last_applied.is_none() { self.pending_baseline } else { self.applied_baseline };
        match baseline.map(|baseline| version.cmp(baseline)) {
            Some(Ordering::Less) => State::BelowBaseline,
            Some(Ordering::Equal) => State::BaselineIgnored,
            _ if self.bound.excludes(version) => State::AboveTarget,
            _ if self.last_applied.is_some_and(|last| version < last) && !self.settings.out_of_order => State::Ignored,
            _ => State::Pending,
        }
    }

    fn is_picked(&self, script: &Script) -> bool {
        let picks_of = &self.settings.cherry_pick;
        picks_of.is_empty() || picks_of.iter().any(|pick| picks(pick, script.sort.version(), &script.description))
    }

    fn state_of(&self, applied: &Applied<'data>) -> State {
        let row = applied.row;
        if applied.undone {
            return State::Undone;
        }
        if applied.deleted {
            return State::Deleted;
        }
        let script = self.script_of(row);
        match row.sort {
            RowType::Delete => State::Success,
            RowType::Baseline => State::Baseline,
            sort if sort.is_baseline() && !row.success => State::Failed,
            sort if sort.is_baseline() => self.missing_state(row, script).unwrap_or(State::Baseline),
            _ => self.missing_state(row, script).unwrap_or_else(|| self.state_with_script(applied, script)),
        }
    }

    /// The state of a row whose script is gone; of a repeatable one's runs only the last can miss it.
    fn missing_state(&self, row: &Row, script: Option<&Script>) -> Option<State> {
        if script.is_some() || (row.version.is_none() && !self.is_latest_run(row)) {
            return None;
        }
        if row.sort == RowType::Schema {
            return Some(State::Success);
        }
        let is_past = row.version.as_ref().is_none_or(|version| Some(version) < self.last_resolved);
        Some(match (is_past, row.success) {
            (true, true) => State::Missing,
            (true, false) => State::MissingFailed,
            (false, true) => State::Future,
            (false, false) => State::FutureFailed,
        })
    }

    fn state_with_script(&self, applied: &Applied<'data>, script: Option<&Script>) -> State {
        let row = applied.row;
        if !row.success {
            return State::Failed;
        }
        if row.sort == RowType::Schema {
            return State::Success;
        }
        if row.version.is_none() {
            return match script {
                _ if !self.is_latest_run(row) => State::Superseded,
                Some(script) if script.matches(row.checksum) => State::Success,
                _ => State::Outdated,
            };
        }
        if applied.out_of_order { State::OutOfOrder } else { State::Success }
    }
}

/// The highest version applied, and which rows came after a higher one.
fn mark_order<'data>(applied: &mut [Applied<'data>]) -> Option<&'data Version> {
    let mut last: Option<&'data Version> = None;
    for applied in applied.iter_mut().filter(|applied| !applied.is_mark()) {
        let Some(version) = &applied.row.version else { continue };
        if Some(version) > last {
            if applied.counts() {
                last = Some(version);
            }
        } else {
            applied.out_of_order = !applied.row.sort.is_undo();
        }
    }
    last
}

fn highest<'data>(versions: impl Iterator<Item = &'data Version>) -> Option<&'data Version> {
    versions.reduce(|highest, version| if version > highest { version } else { highest })
}

/// Whether what is picked, a version or a description with underscores for spaces, is this migration.
pub(crate) fn picks(pick: &str, version: Option<&Version>, description: &str) -> bool {
    match (version, Version::parse(pick)) {
        (Some(version), Ok(picked)) => *version == picked,
        _ => description == pick.replace('_', " "),
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Below,
    Applied,
    Unapplied,
}

fn order(left: &Migration<'_>, right: &Migration<'_>, below: Group) -> Ordering {
    let group = |migration: &Migration<'_>| match (migration.row, migration.state) {
        (Some(_), _) => Group::Applied,
        (None, State::BelowBaseline | State::BaselineIgnored) => below,
        (None, _) => Group::Unapplied,
    };
    let in_group = || match (left.row, right.row) {
        (Some(one), Some(other)) => one.installed_rank.cmp(&other.installed_rank),
        _ => order_unapplied(left, right),
    };
    group(left).cmp(&group(right)).then_with(in_group)
}

/// By version, of equal ones a baseline behind the versioned one and an undo last; then by description.
fn order_unapplied(left: &Migration<'_>, right: &Migration<'_>) -> Ordering {
    let behind = |migration: &Migration<'_>| (migration.row_type().is_undo(), migration.row_type().is_baseline());
    match (left.version(), right.version()) {
        (Some(one), Some(other)) => one.cmp(other).then_with(|| behind(left).cmp(&behind(right))),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => left.description().cmp(right.description()),
    }
}

fn refuse_missing_target(migrations: &[Migration<'_>], settings: &Settings) -> Result<()> {
    let Target::Version(target, MissingTarget::Refused) = &settings.target else { return Ok(()) };
    if migrations.iter().any(|migration| migration.version() == Some(target)) {
        return Ok(());
    }
    Err(Kind::Setting
        .error(format_args!("no migration has the version `{target}`, which is the target"))
        .help(format_args!("correct the target, or write `{target}?` if there may be no such migration")))
}
