//! What must hold of the two servers and databases before anything is copied.

use super::Copying;
use crate::error::Code;
use crate::facts::{DatabaseFacts, ObjectKind};
use crate::plan::{Builder, Level};
use crate::provider::RowsTaken;
use crate::scenario::copy_database::{Deltas, Publications, Verify};
use crate::schema::{Persistence, TableName};

/// A transaction open for longer than this delays the swap, in seconds.
const LONG_TRANSACTION_SECONDS: u64 = 60;
/// Bytes of the target's disk that must be free for each byte of the source.
const SPACE_FACTOR: f64 = 1.1;

/// What takes a superuser to create; event triggers, too, but not everywhere.
const FOR_SUPERUSERS: [ObjectKind; 7] = [
    ObjectKind::AccessMethod,
    ObjectKind::ForeignDataWrapper,
    ObjectKind::OperatorClass,
    ObjectKind::OperatorFamily,
    ObjectKind::ProceduralLanguage,
    ObjectKind::TextSearchParser,
    ObjectKind::TextSearchTemplate,
];

pub(super) fn look(copying: &Copying<'_>, builder: &mut Builder) {
    identity(copying, builder);
    versions(copying, builder);
    encodings(copying, builder);
    extensions(copying, builder);
    source_privileges(copying, builder);
    target_privileges(copying, builder);
    target_privileges_for_objects(copying, builder);
    roles(copying, builder);
    space(copying, builder);
    attachments(copying, builder);
    sessions(copying, builder);
    leftovers(copying, builder);
    standby(copying, builder);
}

fn identity(copying: &Copying<'_>, builder: &mut Builder) {
    let environment = copying.scope.environments.get(&copying.scope.scenario.to);
    if environment.is_some_and(crate::environment::Environment::is_production) {
        let to = &copying.scope.scenario.to;
        builder.refuse(
            Code::ProductionAsTarget
                .error(format!("`{to}` is production and is never changed"))
                .help("name another environment in `to:`"),
        );
    }
    if copying.facts.target.is_template {
        let database = &copying.target.database;
        builder.refuse(
            Code::TargetInUse
                .error(format!("`{database}` is a template: every new database of its server would hold the copy"))
                .help("name another database as the target"),
        );
    }
    if copying.facts.source.identity == copying.facts.target.identity {
        builder.refuse(
            Code::SameDatabase
                .error(format!(
                    "{} and {} are the same database ({})",
                    copying.source, copying.target, copying.facts.source.identity
                ))
                .help("correct the addresses in the environments file; two names may lead to one server"),
        );
    }
}

fn versions(copying: &Copying<'_>, builder: &mut Builder) {
    let (source, target) = (copying.facts.source.major(), copying.facts.target.major());
    if target < source {
        builder.refuse(
            Code::OlderTarget
                .error(format!("the target runs PostgreSQL {target}, the source {source}"))
                .help("upgrade the target first; structure made for a newer server cannot be relied on in an older one"),
        );
    } else if target > source {
        builder.find(Level::Note, format!("the target runs a newer PostgreSQL ({target}) than the source ({source})"), None);
    }
}

fn encodings(copying: &Copying<'_>, builder: &mut Builder) {
    let (source, target) = (&copying.facts.source, &copying.facts.target);
    if source.encoding != target.encoding {
        let message = format!("the source is encoded in {}, the target in {}", source.encoding, target.encoding);
        let unsafe_pair = source.encoding == "SQL_ASCII" || target.encoding == "SQL_ASCII" || target.encoding != "UTF8";
        if unsafe_pair {
            builder.refuse(
                Code::EncodingDiffers.error(message).help("re-create the target's database in the source's encoding, or in UTF8"),
            );
        } else {
            builder.find(Level::Note, format!("{message}; text is converted on the way"), None);
        }
    }
    if source.locale != target.locale {
        builder.find(
            Level::Warning,
            format!("the source sorts text by `{}`, the target by `{}`; the target's stays", source.locale, target.locale),
            Some("expect other orders, and unique indexes on expressions such as lower(…) may judge otherwise"),
        );
    }
}

fn extensions(copying: &Copying<'_>, builder: &mut Builder) {
    let available = &copying.facts.target.available_extensions;
    for extension in copying.facts.source.schema.extensions.keys().filter(|name| !available.contains(*name)) {
        builder.refuse(
            Code::ExtensionMissing
                .error(format!("the source uses the extension `{extension}`, which the target's server does not have"))
                .help("install its package on the target's server"),
        );
    }
}

fn source_privileges(copying: &Copying<'_>, builder: &mut Builder) {
    let source = &copying.facts.source;
    let taken = |table: &&TableName| super::selection::is_taken(copying.stage, &source.schema, table);
    let unreadable: Vec<String> = source.privileges.unreadable.iter().filter(taken).map(|table| format!("`{table}`")).collect();
    if !unreadable.is_empty() {
        builder.refuse(
            Code::PrivilegeMissing.error(format!("`{}` may not read {} of the source", source.user, list(&unreadable))).help(
                format!(
                    "grant pg_read_all_data to \"{}\" on the source, where row security hides rows also bypassrls; or leave the tables out with `without:`",
                    source.user
                ),
            ),
        );
    }
    let hidden = source.privileges.unreadable_large_objects;
    if hidden > 0 {
        let message = format!("`{}` may not read large objects of the source: {hidden}", source.user);
        builder.refuse(Code::PrivilegeMissing.error(message).help(format!(
            "run `grant select on large object <oid> to \"{}\"` for each on the source, or connect as their owner; \
             pg_read_all_data does not cover them",
            source.user
        )));
    }
}

fn target_privileges(copying: &Copying<'_>, builder: &mut Builder) {
    let DatabaseFacts { privileges, user, owner, identity: _, .. } = &copying.facts.target;
    if privileges.superuser {
        return;
    }
    let database = &copying.target.database;
    let mut missing = |message: String, help: String| builder.refuse(Code::PrivilegeMissing.error(message).help(help));
    if !privileges.owns_database {
        missing(
            format!("`{user}` does not own `{database}` and cannot act for `{owner}`"),
            format!(
                "run `alter database \"{database}\" owner to \"{user}\"` on the target; or grant \"{owner}\" to \"{user}\", if that is no superuser"
            ),
        );
    }
    if copying.swap().is_some() && !privileges.create_database {
        missing(
            format!("`{user}` may not create the shadow of `{database}`"),
            format!("run `alter role \"{user}\" createdb` on the target, or use `replace: in-place`"),
        );
    }
    if !privileges.foreign_owners.is_empty() {
        let owners: Vec<String> = privileges.foreign_owners.iter().map(|role| format!("`{role}`")).collect();
        missing(
            format!("`{user}` cannot act for {}, who own objects of `{database}`", list(&owners)),
            format!(
                "have these objects given to `{owner}` (`reassign owned by`), or grant the roles, if none is a superuser, to \"{user}\""
            ),
        );
    }
    // Whoever owns it all and may read it not has row security, or has to set the owner's role first.
    let carries = copying.stage.deltas == Deltas::Restore || !copying.stage.keep.is_empty();
    if carries && privileges.owns_database && privileges.foreign_owners.is_empty() && !privileges.unreadable.is_empty() {
        let tables: Vec<String> = privileges.unreadable.iter().map(|table| format!("`{table}`")).collect();
        missing(
            format!("`{user}` may not read {} of the target, whose rows may have to be carried over", list(&tables)),
            format!("grant pg_read_all_data to \"{user}\" on the target; where row security hides rows, also bypassrls"),
        );
    }
    if copying.swap().is_some() && !privileges.signal_backends {
        builder.find(
            Level::Warning,
            format!("`{user}` cannot end other roles' sessions; the swap waits for them and fails at its deadline"),
            Some("grant pg_signal_backend to it on the target"),
        );
    }
}

/// What the copy will hold and only some roles can make or see.
fn target_privileges_for_objects(copying: &Copying<'_>, builder: &mut Builder) {
    let DatabaseFacts { privileges, user, .. } = &copying.facts.target;
    if privileges.superuser {
        return;
    }
    let mut missing = |message: String, help: String| builder.refuse(Code::PrivilegeMissing.error(message).help(help));
    let source = &copying.facts.source;
    let for_superusers: Vec<String> = source
        .objects
        .keys()
        .filter(|object| FOR_SUPERUSERS.contains(&object.kind))
        .map(|object| format!("{} `{}`", object.kind.word().to_lowercase(), object.name))
        .collect();
    if !for_superusers.is_empty() {
        missing(
            format!("only a superuser can create what the source has: {}", list(&for_superusers)),
            "connect to the target as a superuser, or drop these from the source".into(),
        );
    }
    let taken = |table: &&TableName| super::selection::is_taken(copying.stage, &source.schema, table);
    let forced: Vec<String> = source.schema.forced_policies.iter().filter(taken).map(|table| format!("`{table}`")).collect();
    if !forced.is_empty() && !privileges.bypass_row_security {
        missing(
            format!("the policies of {} hold for their owner too, so `{user}` could not compare the copy", list(&forced)),
            format!("run `alter role \"{user}\" bypassrls` on the target"),
        );
    }
    if copying.swap().is_none() && !privileges.foreign_event_triggers.is_empty() {
        let triggers = join(&privileges.foreign_event_triggers);
        missing(
            format!("`{user}` may not drop the target's event triggers, which are made anew in place: {triggers}"),
            format!("drop them as a superuser, or give them to a role that `{user}` can act for"),
        );
    }
    let publications = &source.schema.publications_of_everything;
    let has = |kind: ObjectKind| source.objects.keys().any(|object| object.kind == kind);
    let for_schemas = has(ObjectKind::PublicationTablesInSchema) || has(ObjectKind::Subscription);
    if copying.stage.publications == Publications::Copy && (for_schemas || !publications.is_empty()) {
        missing(
            "only a superuser can create publications of all tables or of whole schemas, and subscriptions".into(),
            "connect to the target as a superuser, or leave `publications:` at `skip`".into(),
        );
    }
    if !source.schema.event_triggers.is_empty() {
        let names: Vec<String> = source.schema.event_triggers.iter().map(|name| format!("`{name}`")).collect();
        builder.find(
            Level::Warning,
            format!("`{user}` is no superuser: event triggers that the target's server refuses are left out: {}", list(&names)),
            Some("connect to the target as a superuser; some managed services allow them to a role of theirs"),
        );
    }
}

fn roles(copying: &Copying<'_>, builder: &mut Builder) {
    let known = &copying.facts.target.server_roles;
    let missing: Vec<String> =
        copying.facts.source.schema.roles.iter().filter(|role| !known.contains(*role)).map(|role| format!("`{role}`")).collect();
    if !missing.is_empty() {
        builder.find(
            Level::Note,
            format!(
                "the target has no role {}; what they own belongs to `{}` there, what they are granted is left out",
                list(&missing),
                copying.facts.target.owner
            ),
            None,
        );
    }
}

#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an estimate")]
fn space(copying: &Copying<'_>, builder: &mut Builder) {
    let source = &copying.facts.source;
    let taken = super::taken(copying.stage, &source.schema);
    let stays = |table: &&TableName| taken.get(*table).is_none_or(|taken| taken.rows == RowsTaken::None);
    let sizes = source.estimates.tables.iter();
    let left_out: u64 = sizes.filter(|(table, _)| stays(table)).map(|(_, size)| size.bytes + size.index_bytes).sum();
    let needed = (source.estimates.bytes.saturating_sub(left_out) as f64 * SPACE_FACTOR) as u64;
    match copying.facts.target.estimates.free_bytes {
        Some(free) if free < needed => builder.refuse(
            Code::SpaceMissing
                .error(format!(
                    "the copy needs about {} MB, and the target's server has {} MB free",
                    needed / 1_000_000,
                    free / 1_000_000
                ))
                .help("free or add disk, retire old copies with `restage retire`, or leave rows out with `without-rows:`"),
        ),
        Some(_) => {}
        None => builder.find(
            Level::Note,
            format!("the target's server cannot tell its free space; the copy needs about {} MB", needed / 1_000_000),
            None,
        ),
    }
}

/// What hangs on the target's database itself and would not follow a swap.
fn attachments(copying: &Copying<'_>, builder: &mut Builder) {
    let target = &copying.facts.target;
    let database = &copying.target.database;
    let mut holds =
        |what: String, help: &str| builder.refuse(Code::TargetInUse.error(format!("`{database}` has {what}")).help(help));
    if !target.prepared_transactions.is_empty() {
        holds(format!("prepared transactions: {}", join(&target.prepared_transactions)), "commit them or roll them back");
    }
    if copying.swap().is_some() {
        if !target.logical_slots.is_empty() {
            holds(format!("logical replication slots: {}", join(&target.logical_slots)), "drop them, or use `replace: in-place`");
        }
        if !target.schema.subscriptions.is_empty() {
            holds(format!("subscriptions: {}", join(&target.schema.subscriptions)), "drop them, or use `replace: in-place`");
        }
    }
    let source = &copying.facts.source.schema;
    let left_out = source.publications.len() + source.subscriptions.len();
    if left_out > 0 && copying.stage.publications == Publications::Skip {
        builder.find(
            Level::Note,
            format!("publications and subscriptions of the source are not copied: {left_out}"),
            Some("ask for them with `publications: copy`"),
        );
    }
}

fn sessions(copying: &Copying<'_>, builder: &mut Builder) {
    let estimates = &copying.facts.target.estimates;
    if copying.swap().is_some() && estimates.database_connections > 0 {
        let message =
            format!("sessions on `{}` that the swap will end: {}", copying.target.database, estimates.database_connections);
        builder.find(Level::Note, message, None);
    }
    if let Some(age) = estimates.longest_transaction_seconds.filter(|age| *age > LONG_TRANSACTION_SECONDS) {
        let message = format!("a transaction has been open on the target for {age} s and delays the swap");
        builder.find(Level::Warning, message, Some("let it end, or see `swap: { drain: … }`"));
    }
    if let Some(age) = copying.facts.source.estimates.longest_transaction_seconds.filter(|age| *age > LONG_TRANSACTION_SECONDS) {
        builder.find(Level::Note, format!("a transaction has been open on the source for {age} s"), None);
    }
}

fn leftovers(copying: &Copying<'_>, builder: &mut Builder) {
    for leftover in &copying.facts.leftovers {
        let megabytes = leftover.bytes / 1_000_000;
        let state = if leftover.alive { "is at work right now" } else { "is not at work" };
        builder.find(
            Level::Warning,
            format!("`{}` ({megabytes} MB) belongs to run {}, which {state}", leftover.database, leftover.run),
            Some("see `restage show` of that run; `restage undo` or `restage retire` removes what it made"),
        );
    }
}

fn standby(copying: &Copying<'_>, builder: &mut Builder) {
    let source = &copying.facts.source;
    if copying.facts.target.in_recovery {
        builder.refuse(
            Code::PrivilegeMissing
                .error("the target's server is a standby and cannot be written")
                .help("name the primary in the environments file"),
        );
    }
    if !source.in_recovery {
        return;
    }
    let lag = source.estimates.replay_lag_seconds.map_or_else(String::new, |lag| format!(", {lag} s behind its primary"));
    builder.find(Level::Note, format!("the source is a standby{lag}"), None);
    let unlogged: Vec<String> = source
        .schema
        .tables
        .iter()
        .filter(|(_, table)| table.persistence == Persistence::Unlogged)
        .map(|(name, _)| format!("`{name}`"))
        .collect();
    if !unlogged.is_empty() {
        let message = format!("rows of unlogged tables cannot be read on a standby: {} stay empty", list(&unlogged));
        builder.find(Level::Warning, message, Some("read from the primary if they matter"));
    }
    if copying.stage.verify == Verify::Checksums {
        builder.find(Level::Note, "long reads on a standby may be cancelled by replay; see max_standby_streaming_delay", None);
    }
}

/// At most five names, and how many more there are.
pub(super) fn list(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN { format!("{shown} and {} more", names.len() - SHOWN) } else { shown }
}

fn join(names: &std::collections::BTreeSet<String>) -> String {
    list(&names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>())
}
