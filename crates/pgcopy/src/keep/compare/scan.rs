//! One kept table, both sides side by side.

use super::cursor::{Cursor, Known, known};
use super::tally::Compared;
use crate::keep::identity::{Rows, Subject};
use crate::keep::layout::{flag, maybe_text};
use crate::keep::taken::{Side, missing};
use crate::keep::value::{any, digest};
use crate::stop::Stop;
use crate::{Kind, Result};
use restage_core::provider::{OnConflict, OnMissing};
use restage_core::schema::{ColumnName, ForeignKey};
use std::collections::{BTreeSet, HashMap, HashSet};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

/// Rows whose references and unique values are looked up together.
const LOOKUP_ROWS: usize = 5_000;
/// Characters of a key that an example shows.
const LABEL_CHARS: usize = 120;

/// Where a row of the target has its first field to be looked up.
const FIRST_LOOKUP: usize = 4;

/// The comparison of one table.
pub(super) struct Scan<'a> {
    source: Side<'a>,
    target: Side<'a>,
    subjects: &'a [Subject],
    at: usize,
    lookups: Vec<Lookup<'a>>,
    /// The target's rows that need looking up.
    waiting: Vec<Candidate>,
    found: Compared,
}

/// Something that is asked of rows which will be added or keep the target's content.
#[derive(Clone, Copy)]
enum Lookup<'a> {
    /// Do these values exist in a table that is not kept?
    Reference { key: &'a ForeignKey, own: bool },
    /// Is the kept row that is referred to left out?
    Kept { key: &'a ForeignKey, to: usize, own: bool },
    /// Has another thing in production these values?
    Unique { columns: &'a [ColumnName], is_key: bool },
}

/// What the merge has learnt of a row of the target.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    TargetOnly,
    Conflict,
    Same,
}

struct Candidate {
    identity: String,
    label: String,
    standing: Standing,
    /// Whether it has NULL where rows are matched.
    unnamed: bool,
    /// For each lookup its values, none if there is nothing to look up.
    values: Vec<Option<Vec<String>>>,
}

impl<'a> Scan<'a> {
    pub(super) fn new(source: Side<'a>, target: Side<'a>, subjects: &'a [Subject], at: usize) -> Self {
        let subject = &subjects[at];
        let is_own = |key: &ForeignKey| {
            let theirs = source.table(&subject.table);
            key.columns.iter().any(|column| theirs.is_none_or(|table| table.column(column).is_none()))
        };
        let references = subject.references.iter().filter_map(|key| {
            let own = is_own(key);
            if let Some(to) = subjects.iter().position(|other| other.table == key.to) {
                return Some(Lookup::Kept { key, to, own });
            }
            // A foreign key to a table that is left out is left out with it; one that only the target has comes with its rows.
            source.carries(&key.to).then_some(Lookup::Reference { key, own })
        });
        let uniques = subject.uniques.iter().map(|columns| Lookup::Unique { columns, is_key: columns == &subject.key });
        let lookups = references.chain(uniques).collect();
        Self { source, target, subjects, at, lookups, waiting: Vec::new(), found: Compared::default() }
    }

    pub(super) async fn run(mut self, dropped: &mut [HashSet<String>], stop: &Stop) -> Result<Compared> {
        let table = &self.subjects[self.at].table;
        let mut theirs = Cursor::open(self.source.reader, table, "restage_source", &self.source_query()?).await?;
        let mut ours = Cursor::open(self.target.reader, table, "restage_target", &self.target_query()?).await?;
        // Both servers sort at the same time.
        futures::try_join!(theirs.fetch(), ours.fetch())?;
        let (mut their_last, mut our_last): (Option<Known>, Option<Known>) = (None, None);
        let mut their_next = self.step(&mut theirs, &mut their_last, "production").await?;
        while let Some((mine, row)) = self.step(&mut ours, &mut our_last, "the target").await? {
            while their_next.as_ref().is_some_and(|(other, _)| other.identity < mine.identity) {
                their_next = self.step(&mut theirs, &mut their_last, "production").await?;
            }
            let other = their_next.as_ref().map(|(other, _)| other).filter(|other| other.identity == mine.identity);
            let standing = match other {
                None => Standing::TargetOnly,
                Some(other) if other.content == mine.content => Standing::Same,
                Some(_) => Standing::Conflict,
            };
            self.take(mine, &row, standing)?;
            if self.waiting.len() >= LOOKUP_ROWS {
                stop.check()?;
                self.look_up(dropped).await?;
            }
        }
        while their_next.is_some() {
            their_next = self.step(&mut theirs, &mut their_last, "production").await?;
        }
        self.look_up(dropped).await?;
        theirs.close().await?;
        ours.close().await?;
        Ok(self.found)
    }

    /// The next row of one side; two rows that are the same thing are refused.
    async fn step(&self, cursor: &mut Cursor<'_>, last: &mut Option<Known>, place: &str) -> Result<Option<(Known, Row)>> {
        let Some(row) = cursor.next().await? else { return Ok(None) };
        let next = known(&row)?;
        if last.as_ref().is_some_and(|last| last.identity == next.identity) {
            let subject = &self.subjects[self.at];
            let columns: Vec<&str> = subject.matched.iter().map(|column| column.0.as_str()).collect();
            return Err(Kind::Unfit
                .error(format!(
                    "rows of `{}` in {place} are not alone with their `{}`, by which kept rows are matched",
                    subject.table,
                    columns.join("`, `")
                ))
                .help("match by columns that are unique in both databases"));
        }
        *last = Some(next.clone());
        Ok(Some((next, row)))
    }

    fn take(&mut self, mine: Known, row: &Row, standing: Standing) -> Result<()> {
        self.found.facts.found += 1;
        let label = maybe_text(row, 2)?.unwrap_or_default();
        match standing {
            Standing::TargetOnly => self.found.facts.target_only += 1,
            Standing::Same => self.found.facts.same += 1,
            Standing::Conflict => self.found.conflict(&label),
        }
        let unnamed = flag(row, 3)?;
        if unnamed && standing != Standing::TargetOnly {
            self.found.facts.unnamed += 1;
        }
        let mut values = Vec::with_capacity(self.lookups.len());
        let mut field = FIRST_LOOKUP;
        for lookup in &self.lookups {
            let width = lookup.width();
            let fields: Option<Vec<String>> = (field..field + width).map(|at| maybe_text(row, at)).collect::<Result<_>>()?;
            field += width;
            values.push(fields.filter(|_| self.concerns(*lookup, standing)));
        }
        if values.iter().any(Option::is_some) {
            self.waiting.push(Candidate { identity: mine.identity, label, standing, unnamed, values });
        }
        Ok(())
    }

    /// Whether the row, as it stands, brings the value into production's rows.
    fn concerns(&self, lookup: Lookup<'_>, standing: Standing) -> bool {
        let keeps_content = self.subjects[self.at].on_conflict == OnConflict::KeepTarget;
        match (lookup, standing) {
            (_, Standing::TargetOnly) | (Lookup::Reference { own: true, .. } | Lookup::Kept { own: true, .. }, _) => true,
            // A row that production has too takes production's key.
            (Lookup::Unique { is_key: true, .. }, _) | (_, Standing::Same) => false,
            (_, Standing::Conflict) => keeps_content,
        }
    }

    async fn look_up(&mut self, dropped: &mut [HashSet<String>]) -> Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        let mut left_out = vec![false; waiting.len()];
        for (index, lookup) in self.lookups.clone().into_iter().enumerate() {
            let asked = waiting.iter().enumerate().filter_map(|(at, row)| Some((at, row.values[index].as_ref()?)));
            let asked: Vec<(usize, &Vec<String>)> = asked.collect();
            let hit = match lookup {
                Lookup::Reference { key, .. } => self.missing(key, &asked).await?,
                Lookup::Kept { to, .. } => {
                    asked.iter().filter(|(_, values)| dropped[to].contains(&values[0])).map(|(at, _)| *at).collect()
                }
                Lookup::Unique { columns, .. } => self.others(columns, &asked, &waiting).await?,
            };
            for at in hit {
                self.note(lookup, &waiting[at], waiting[at].values[index].as_deref());
                left_out[at] |= !matches!(lookup, Lookup::Unique { .. });
            }
        }
        if self.subjects[self.at].on_missing == OnMissing::Drop {
            let rows = waiting.iter().zip(left_out).filter(|(row, left_out)| *left_out && row.standing == Standing::TargetOnly);
            for (row, _) in rows {
                self.found.dropped += 1;
                dropped[self.at].insert(row.identity.clone());
            }
        }
        Ok(())
    }

    fn note(&mut self, lookup: Lookup<'_>, row: &Candidate, values: Option<&[String]>) {
        let table = &self.subjects[self.at].table;
        match lookup {
            Lookup::Reference { key, .. } => self.found.dangling(table, key, &values.unwrap_or_default().join(", ")),
            Lookup::Kept { key, .. } => self.found.dangling(table, key, &format!("of {}", row.label)),
            Lookup::Unique { is_key: true, .. } => {
                self.found.facts.unrecognisable += u64::from(row.unnamed);
                self.found.collision(&row.label);
            }
            Lookup::Unique { columns, .. } => self.found.clash(columns, &row.label),
        }
    }

    async fn missing(&self, key: &ForeignKey, asked: &[(usize, &Vec<String>)]) -> Result<Vec<usize>> {
        let distinct: Vec<Vec<String>> =
            asked.iter().map(|(_, values)| (*values).clone()).collect::<BTreeSet<_>>().into_iter().collect();
        let absent = missing(self.source, &key.to, &key.to_columns, &distinct).await?;
        let absent: HashSet<&Vec<String>> = absent.into_iter().filter_map(|at| distinct.get(at)).collect();
        Ok(asked.iter().filter(|(_, values)| absent.contains(values)).map(|(at, _)| *at).collect())
    }

    /// The rows whose values another thing has in production.
    async fn others(&self, columns: &[ColumnName], asked: &[(usize, &Vec<String>)], waiting: &[Candidate]) -> Result<Vec<usize>> {
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let mut rows = Rows::new(self.source, self.subjects, self.at);
        let (values, identity) = (rows.values(columns)?, rows.identity()?);
        let sql = format!(
            "SELECT u, i FROM (SELECT {} AS u, {} AS i FROM {}) AS r WHERE u = ANY ($1)",
            digest(&values),
            digest(&identity),
            rows.from()
        );
        let wanted: Vec<&str> = asked.iter().map(|(_, values)| values[0].as_str()).collect();
        let table = &self.subjects[self.at].table;
        let answers = self.source.reader.query(format!("look for rows of `{table}`"), &sql, &[(&wanted, Type::TEXT_ARRAY)]).await?;
        let mut holders: HashMap<String, String> = HashMap::new();
        for answer in &answers {
            if let (Some(value), Some(identity)) = (maybe_text(answer, 0)?, maybe_text(answer, 1)?) {
                holders.insert(value, identity);
            }
        }
        let other =
            |(at, values): &&(usize, &Vec<String>)| holders.get(&values[0]).is_some_and(|holder| *holder != waiting[*at].identity);
        Ok(asked.iter().filter(other).map(|(at, _)| *at).collect())
    }

    fn source_query(&self) -> Result<String> {
        let mut rows = Rows::new(self.source, self.subjects, self.at);
        let (identity, content) = (rows.identity()?, rows.content()?);
        Ok(format!(
            "SELECT i COLLATE \"C\", c FROM (SELECT {} AS i, {} AS c FROM {}) AS q ORDER BY 1",
            digest(&identity),
            digest(&content),
            rows.from()
        ))
    }

    fn target_query(&self) -> Result<String> {
        let subject = &self.subjects[self.at];
        let mut rows = Rows::new(self.target, self.subjects, self.at);
        let mut fields = vec![digest(&rows.identity()?), digest(&rows.content()?), self.label(), self.unnamed()];
        for lookup in &self.lookups {
            match lookup {
                Lookup::Reference { key, .. } => fields.extend(self.raw(&key.columns)),
                Lookup::Kept { key, to, .. } => {
                    let referred = rows.referred(key, *to)?;
                    fields.push(digest(&referred));
                }
                Lookup::Unique { columns, .. } => fields.push(digest(&rows.values(columns)?)),
            }
        }
        debug_assert_eq!(
            fields.len(),
            FIRST_LOOKUP + self.lookups.iter().map(|lookup| lookup.width()).sum::<usize>(),
            "{}",
            subject.table
        );
        let named: Vec<String> = fields.iter().enumerate().map(|(at, field)| format!("{field} AS f{at}")).collect();
        let others: Vec<String> = (1..fields.len()).map(|at| format!("f{at}")).collect();
        Ok(format!(
            "SELECT f0 COLLATE \"C\", {} FROM (SELECT {} FROM {}) AS q ORDER BY 1",
            others.join(", "),
            named.join(", "),
            rows.from()
        ))
    }

    /// The values of some columns as their types print them; NULL unless all are there.
    fn raw(&self, columns: &[ColumnName]) -> Vec<String> {
        let values: Vec<_> =
            columns.iter().filter_map(|column| self.target.value(&self.subjects[self.at].table, "t", column)).collect();
        let null: Vec<String> = values.iter().map(|value| format!("{} IS NULL", value.sql)).collect();
        values.iter().map(|value| format!("CASE WHEN {} THEN NULL ELSE {} END", any(&null), value.text())).collect()
    }

    /// The primary key of a row, for people.
    fn label(&self) -> String {
        let subject = &self.subjects[self.at];
        let key = self.raw_texts(if subject.key.is_empty() { &subject.matched } else { &subject.key });
        if key.is_empty() { "'a row'".to_owned() } else { format!("left(concat_ws(', ', {}), {LABEL_CHARS})", key.join(", ")) }
    }

    /// Whether a row has NULL where rows are matched, by other columns than the key.
    fn unnamed(&self) -> String {
        let subject = &self.subjects[self.at];
        if subject.matched_by_key() {
            return "false".to_owned();
        }
        let values = subject.matched.iter().filter_map(|column| self.target.value(&subject.table, "t", column));
        let null: Vec<String> = values.map(|value| format!("{} IS NULL", value.sql)).collect();
        if null.is_empty() { "false".to_owned() } else { any(&null) }
    }

    fn raw_texts(&self, columns: &[ColumnName]) -> Vec<String> {
        columns.iter().filter_map(|column| Some(self.target.value(&self.subjects[self.at].table, "t", column)?.text())).collect()
    }
}

impl Lookup<'_> {
    /// How many fields its values take.
    fn width(self) -> usize {
        match self {
            Self::Reference { key, .. } => key.columns.len(),
            Self::Kept { .. } | Self::Unique { .. } => 1,
        }
    }
}
