//! Fresh keys for rows whose key belongs to another thing in production.

use crate::keep::staged::{Field, Staged, Staging};
use crate::keep::value::all;
use crate::{Kind, Result};
use restage_core::provider::OnCollision;

/// How often keys are drawn anew for rows whose fresh key turned out to be taken as well.
const DRAWS: usize = 8;

/// Where fresh keys come from.
enum Spring {
    /// A sequence, put past every key first.
    Sequence(String),
    /// The column's default, or a random UUID.
    Expression(String),
    /// One more than the greatest key.
    Counting,
}

impl Staging<'_> {
    /// Gives the rows marked `fresh` a key that neither production nor another kept row has.
    pub(super) async fn renumber(&self, at: usize) -> Result<()> {
        let staged = &self.tables[at];
        if staged.keep.plan.on_collision == OnCollision::Refuse {
            let keys = self.keys(at, "k.fresh").await?;
            return Err(Kind::Conflict
                .error(format!("keys of `{}` mean one thing on the target and another in production: {keys}", staged.table()))
                .help("use `on-collision: renumber` to give the target's rows fresh keys; kept rows that refer to them follow"));
        }
        self.refuse_unrecognisable(at).await?;
        let (field, spring) = self.spring(at)?;
        for _ in 0..DRAWS {
            self.draw(staged, field, &spring).await?;
            if self.number(staged.table(), &taken(staged)).await? == 0 {
                return Ok(());
            }
        }
        let message =
            format!("`{}.{}` has no fresh keys: its default draws keys that are taken", staged.table(), field.column.name);
        Err(Kind::Conflict.error(message).help("raise the sequence behind it, in production or on the target"))
    }

    /// With a fresh key and nothing to be matched by, a row could never be told from a stranger again.
    async fn refuse_unrecognisable(&self, at: usize) -> Result<()> {
        let staged = &self.tables[at];
        let known: Vec<String> = staged.matched().iter().map(|field| format!("{} IS NOT NULL", field.value("k").sql)).collect();
        let keys = self.keys(at, &format!("k.fresh AND NOT {}", all(&known))).await?;
        if keys.is_empty() {
            return Ok(());
        }
        Err(Kind::Conflict
            .error(format!("rows of `{}` have a key that production uses otherwise, and NULL in `match:`: {keys}", staged.table()))
            .help("fill in the columns of `match:` on the target, or remove the rows there"))
    }

    /// The part of the key that can be drawn anew, and from where.
    fn spring(&self, at: usize) -> Result<(&Field, Spring)> {
        let staged = &self.tables[at];
        let refers = |field: &Field| staged.references.iter().any(|reference| reference.key.columns.contains(&field.column.name));
        let free: Vec<&Field> = staged.key().into_iter().filter(|field| !refers(field) && !staged.is_matched(field)).collect();
        let springs = free.iter().filter_map(|field| Some((*field, spring_of(field)?)));
        let best = springs.min_by_key(|(_, spring)| match spring {
            Spring::Sequence(_) => 0,
            Spring::Expression(_) => 1,
            Spring::Counting => 2,
        });
        best.ok_or_else(|| {
            Kind::Unfit
                .error(format!("nothing tells how to make a fresh key for `{}`", staged.table()))
                .help("give its key a default or an identity, or use `on-collision: refuse`")
        })
    }

    async fn draw(&self, staged: &Staged<'_>, field: &Field, spring: &Spring) -> Result<()> {
        let (value, beside) = match spring {
            Spring::Sequence(sequence) => {
                self.advance(staged, field, sequence).await?;
                self.draw_within_the_transaction(staged, field, sequence).await?;
                let literal = restage_core::schema::quote_literal(sequence);
                (field.column.default.clone().unwrap_or_else(|| format!("nextval({literal}::regclass)")), String::new())
            }
            Spring::Expression(expression) => (expression.clone(), String::new()),
            Spring::Counting => {
                let numbered = format!(
                    " FROM (SELECT n.nth, greatest(coalesce((SELECT max({there}) FROM {from} AS p), 0), \
                     coalesce((SELECT max({here}) FROM {name} AS k), 0)) + row_number() OVER (ORDER BY n.nth) AS number \
                     FROM {name} AS n WHERE n.fresh) AS f",
                    there = field.there("p").sql,
                    here = field.value("k").sql,
                    from = staged.layout.from(),
                    name = staged.name,
                );
                ("f.number".to_owned(), numbered)
            }
        };
        let condition = if beside.is_empty() { "" } else { " AND f.nth = k.nth" };
        let sql = format!(
            "UPDATE {} AS k SET {} = ({value})::{}{beside} WHERE k.fresh{condition}",
            staged.name,
            field.current(),
            field.column.cast
        );
        self.change(staged.table(), "give fresh keys to rows", &sql).await.map(drop)
    }
}

fn spring_of(field: &Field) -> Option<Spring> {
    let column = &field.column;
    match (&column.sequence, &column.default) {
        (Some(sequence), _) => Some(Spring::Sequence(sequence.clone())),
        (None, Some(default)) if default.contains('(') => Some(Spring::Expression(default.clone())),
        // A default without a call gives every row the same value.
        (None, _) => match column.cast.as_str() {
            "uuid" => Some(Spring::Expression("gen_random_uuid()".to_owned())),
            "smallint" | "integer" | "bigint" | "numeric" => Some(Spring::Counting),
            _ => None,
        },
    }
}

/// Counts fresh keys that are in use: in production, or by another kept row.
fn taken(staged: &Staged<'_>) -> String {
    let key = staged.key();
    let columns: Vec<String> = key.iter().map(|field| field.value("k").canonical()).collect();
    format!(
        "SELECT (SELECT count(*) FROM {name} AS k WHERE k.fresh AND EXISTS (SELECT FROM {from} AS p WHERE {same})) \
              + (SELECT count(*) FROM (SELECT FROM {name} AS k GROUP BY {columns} HAVING count(*) > 1 AND bool_or(k.fresh)) AS doubles)",
        name = staged.name,
        from = staged.layout.from(),
        same = Staged::equal(&key),
        columns = columns.join(", "),
    )
}
