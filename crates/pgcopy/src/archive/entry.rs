//! One line of an archive's table of contents.

use restage_core::facts::ObjectKind;
use restage_core::schema::TableName;

/// An entry's number within its archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(pub u32);

/// When an entry is to be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// At any time, such as a comment on something of any section.
    None,
    /// Before rows.
    PreData,
    /// With rows.
    Data,
    /// After rows.
    PostData,
}

/// An object, or something about one, with the statements that create it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number; dependencies name it.
    pub id: EntryId,
    /// What it is.
    pub kind: ObjectKind,
    /// The schema it is in; empty for none.
    pub schema: String,
    /// The name, with arguments or table where `pg_dump` has them, such as `f(integer)` or `users users_pkey`.
    pub name: String,
    /// The role that owns it; empty for what nobody owns.
    pub owner: String,
    /// When it is to be created.
    pub section: Section,
    /// The statements that create it; may be empty, or a comment only.
    pub sql: String,
    /// The statement that drops it; empty if there is none.
    pub drop: String,
    /// The tablespace it is in, if not the default one.
    pub tablespace: String,
    /// The access method of a table, such as `heap`.
    pub access_method: String,
    /// `pg_class.relkind`, such as `p` for a partitioned table; unknown before `pg_dump` 17.
    pub relation_kind: Option<char>,
    /// The system catalog that lists it.
    pub catalog: u32,
    /// Its object id there.
    pub oid: u32,
    /// The entries that must exist before it.
    pub dependencies: Vec<EntryId>,
}

/// What tells how to read the archive.
const ABOUT_THE_ARCHIVE: [ObjectKind; 3] = [ObjectKind::Encoding, ObjectKind::StandardStrings, ObjectKind::SearchPath];
/// What belongs to a database and not to what is in it.
const ABOUT_THE_DATABASE: [ObjectKind; 2] = [ObjectKind::Database, ObjectKind::DatabaseProperties];
/// What belongs to the place where a database is: who may do what there.
const GRANTS: [ObjectKind; 2] = [ObjectKind::Acl, ObjectKind::DefaultAcl];

impl Entry {
    /// Whether it is part of the structure, as opposed to grants, rows and settings.
    pub fn is_object(&self) -> bool {
        let none = |kinds: &[ObjectKind]| !kinds.contains(&self.kind);
        self.section != Section::Data && none(&ABOUT_THE_ARCHIVE) && none(&ABOUT_THE_DATABASE) && none(&GRANTS)
    }

    /// How SQL names the object after `ALTER` or `DROP`, such as `FUNCTION public.f(integer)`; `None` where it has no such name.
    pub fn described(&self) -> Option<&str> {
        let named = self.drop.trim_end().strip_suffix(';')?.strip_prefix("DROP ")?;
        // A type and the functions that read and write it are only dropped together.
        let named = named.strip_suffix(" CASCADE").unwrap_or(named);
        // Only a quoted name may have several lines.
        (!named.split('"').step_by(2).any(|unquoted| unquoted.contains('\n'))).then_some(named)
    }

    /// Whether it is made by one statement, as far as line ends tell.
    pub fn is_one_statement(&self) -> bool {
        self.sql.matches(";\n").count() == 1
    }

    /// The table that it makes.
    pub fn table(&self) -> Option<TableName> {
        (self.kind == ObjectKind::Table).then(|| TableName::new(&self.schema, &self.name))
    }

    /// How people name it, such as `FUNCTION public.f(integer)`.
    pub fn label(&self) -> String {
        let dot = if self.schema.is_empty() { "" } else { "." };
        format!("{} {}{dot}{}", self.kind, self.schema, self.name)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An entry as tests need one.
    pub(crate) fn entry(id: u32, kind: &str, schema: &str, name: &str) -> Entry {
        Entry {
            id: EntryId(id),
            kind: kind.into(),
            schema: schema.into(),
            name: name.into(),
            owner: "app".into(),
            section: Section::PreData,
            sql: format!("CREATE {kind} {name};\n"),
            drop: format!("DROP {kind} {schema}.{name};\n"),
            tablespace: String::new(),
            access_method: String::new(),
            relation_kind: None,
            catalog: 0,
            oid: 0,
            dependencies: vec![],
        }
    }

    #[test]
    fn an_objects_name_for_alter_comes_from_its_drop_statement() {
        let mut function = entry(1, "FUNCTION", "public", "f(integer)");
        assert_eq!(function.described(), Some("FUNCTION public.f(integer)"));
        assert_eq!(function.label(), "FUNCTION public.f(integer)");
        function.drop = "DROP FUNCTION public.\"f\n\"\"g\"(integer);\n".into();
        assert_eq!(function.described(), Some("FUNCTION public.\"f\n\"\"g\"(integer)"));
        function.drop = "DROP TYPE \"public\".\"t\" CASCADE;\n".into();
        assert_eq!(function.described(), Some("TYPE \"public\".\"t\""));
        function.drop = "DROP FUNCTION public.f(integer);\nDROP TYPE public.\"t\";\n".into();
        assert_eq!(function.described(), None);
        function.drop = String::new();
        assert_eq!(function.described(), None);
    }
}
