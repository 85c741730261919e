//! The codes of errors. Each has a page of prose in `errors/`, which `restage explain` prints.

use serde::{Deserialize, Serialize};

/// A stable code; its number never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Code {
    /// R0101: a file cannot be used as it is written.
    #[serde(rename = "R0101")]
    InvalidFile,
    /// R0102: a name that nothing carries.
    #[serde(rename = "R0102")]
    UnknownName,
    /// R0103: a prompt has no value, or one it does not accept.
    #[serde(rename = "R0103")]
    PromptMissing,
    /// R0104: a file cannot be read or written.
    #[serde(rename = "R0104")]
    FileUnreadable,
    /// R0105: no error has that code.
    #[serde(rename = "R0105")]
    UnknownCode,
    /// R0106: a secret cannot be had.
    #[serde(rename = "R0106")]
    SecretUnavailable,
    /// R0107: a parameter is not in the parameter store.
    #[serde(rename = "R0107")]
    ParameterMissing,
    /// R0108: a parameter may not be read or written.
    #[serde(rename = "R0108")]
    ParameterForbidden,
    /// R0201: the target is a production environment.
    #[serde(rename = "R0201")]
    ProductionAsTarget,
    /// R0202: source and target are the same database.
    #[serde(rename = "R0202")]
    SameDatabase,
    /// R0203: the target's server is older than the source's.
    #[serde(rename = "R0203")]
    OlderTarget,
    /// R0204: a privilege is missing.
    #[serde(rename = "R0204")]
    PrivilegeMissing,
    /// R0205: the two databases are at different migrations.
    #[serde(rename = "R0205")]
    MigrationsDiffer,
    /// R0206: a mask cannot fit its column.
    #[serde(rename = "R0206")]
    MaskUnfit,
    /// R0207: a column named in the scenario does not exist.
    #[serde(rename = "R0207")]
    ColumnMissing,
    /// R0208: a table named in the scenario does not exist.
    #[serde(rename = "R0208")]
    TableMissing,
    /// R0209: kept rows and production's rows disagree.
    #[serde(rename = "R0209")]
    KeptRowsConflict,
    /// R0210: kept rows refer to rows that will not exist.
    #[serde(rename = "R0210")]
    KeptRowsDangle,
    /// R0211: something only the target has does not fit production's structure.
    #[serde(rename = "R0211")]
    DeltaUnfit,
    /// R0212: there is not enough room.
    #[serde(rename = "R0212")]
    SpaceMissing,
    /// R0213: an extension is not available on the target.
    #[serde(rename = "R0213")]
    ExtensionMissing,
    /// R0214: the world is not as it was when the plan was made.
    #[serde(rename = "R0214")]
    PlanStale,
    /// R0215: another run holds the target.
    #[serde(rename = "R0215")]
    TargetBusy,
    /// R0216: the databases' encodings cannot be reconciled.
    #[serde(rename = "R0216")]
    EncodingDiffers,
    /// R0217: something holds on to the target that a swap would break.
    #[serde(rename = "R0217")]
    TargetInUse,
    /// R0218: part of the source cannot be copied as asked.
    #[serde(rename = "R0218")]
    SourceUnreadable,
    /// R0219: a queue has messages of another migrator.
    #[serde(rename = "R0219")]
    QueueNotEmpty,
    /// R0220: scripts of migrations and the history disagree.
    #[serde(rename = "R0220")]
    MigrationsInvalid,
    /// R0301: a server cannot be reached.
    #[serde(rename = "R0301")]
    CannotConnect,
    /// R0302: a server refuses the login.
    #[serde(rename = "R0302")]
    LoginRefused,
    /// R0303: a server has run out of disk.
    #[serde(rename = "R0303")]
    DiskFull,
    /// R0304: a server refused a statement.
    #[serde(rename = "R0304")]
    QueryFailed,
    /// R0305: a connection broke.
    #[serde(rename = "R0305")]
    ConnectionLost,
    /// R0306: a program that restage needs is not there.
    #[serde(rename = "R0306")]
    ToolMissing,
    /// R0307: a command failed.
    #[serde(rename = "R0307")]
    CommandFailed,
    /// R0308: a condition was not met in time.
    #[serde(rename = "R0308")]
    ConditionUnmet,
    /// R0309: a deadline passed.
    #[serde(rename = "R0309")]
    DeadlinePassed,
    /// R0310: the copy engine failed.
    #[serde(rename = "R0310")]
    CopyFailed,
    /// R0311: a connection pooler stands before a server.
    #[serde(rename = "R0311")]
    ConnectionPooled,
    /// R0312: a queue cannot be reached.
    #[serde(rename = "R0312")]
    QueueUnreachable,
    /// R0313: a queue may not be used.
    #[serde(rename = "R0313")]
    QueueForbidden,
    /// R0314: there is no such queue.
    #[serde(rename = "R0314")]
    QueueMissing,
    /// R0315: AWS knows nobody here, or refuses.
    #[serde(rename = "R0315")]
    AwsRefused,
    /// R0316: a migration failed.
    #[serde(rename = "R0316")]
    MigrationFailed,
    /// R0317: a database is not what its models say.
    #[serde(rename = "R0317")]
    ModelsDiffer,
    /// R0321: a migrator ended with another status than 0.
    #[serde(rename = "R0321")]
    MigratorFailed,
    /// R0322: a migrator sent no last message.
    #[serde(rename = "R0322")]
    MigratorSilent,
    /// R0401: an object is in the way and not this run's.
    #[serde(rename = "R0401")]
    ObjectNotOurs,
    /// R0402: the copy is not what it should be.
    #[serde(rename = "R0402")]
    VerifyMismatch,
    /// R0403: sessions would not leave the target.
    #[serde(rename = "R0403")]
    SessionsRemain,
    /// R0404: the work was stopped before its end.
    #[serde(rename = "R0404")]
    Interrupted,
    /// R0405: another process has taken the run over.
    #[serde(rename = "R0405")]
    LeaseLost,
    /// R0406: what was done cannot be taken back.
    #[serde(rename = "R0406")]
    CannotUndo,
    /// R0407: nobody knows whether the work was finished.
    #[serde(rename = "R0407")]
    InDoubt,
    /// R0408: the run is not in a state for that.
    #[serde(rename = "R0408")]
    WrongMoment,
    /// R0501: a journal is damaged.
    #[serde(rename = "R0501")]
    JournalCorrupt,
    /// R0502: the store was written by a newer restage.
    #[serde(rename = "R0502")]
    StoreNewer,
    /// R0503: the store cannot be used.
    #[serde(rename = "R0503")]
    StoreUnusable,
    /// R0504: no such run.
    #[serde(rename = "R0504")]
    RunUnknown,
    /// R0601: the approval is for another plan.
    #[serde(rename = "R0601")]
    ApprovalMismatch,
    /// R0602: this person may not approve.
    #[serde(rename = "R0602")]
    ApproverRefused,
}

impl Code {
    /// Every code, in the order of their numbers.
    pub const ALL: &[Self] = &[
        Self::InvalidFile,
        Self::UnknownName,
        Self::PromptMissing,
        Self::FileUnreadable,
        Self::UnknownCode,
        Self::SecretUnavailable,
        Self::ParameterMissing,
        Self::ParameterForbidden,
        Self::ProductionAsTarget,
        Self::SameDatabase,
        Self::OlderTarget,
        Self::PrivilegeMissing,
        Self::MigrationsDiffer,
        Self::MaskUnfit,
        Self::ColumnMissing,
        Self::TableMissing,
        Self::KeptRowsConflict,
        Self::KeptRowsDangle,
        Self::DeltaUnfit,
        Self::SpaceMissing,
        Self::ExtensionMissing,
        Self::PlanStale,
        Self::TargetBusy,
        Self::EncodingDiffers,
        Self::TargetInUse,
        Self::SourceUnreadable,
        Self::QueueNotEmpty,
        Self::MigrationsInvalid,
        Self::CannotConnect,
        Self::LoginRefused,
        Self::DiskFull,
        Self::QueryFailed,
        Self::ConnectionLost,
        Self::ToolMissing,
        Self::CommandFailed,
        Self::ConditionUnmet,
        Self::DeadlinePassed,
        Self::CopyFailed,
        Self::ConnectionPooled,
        Self::QueueUnreachable,
        Self::QueueForbidden,
        Self::QueueMissing,
        Self::AwsRefused,
        Self::MigrationFailed,
        Self::ModelsDiffer,
        Self::MigratorFailed,
        Self::MigratorSilent,
        Self::ObjectNotOurs,
        Self::VerifyMismatch,
        Self::SessionsRemain,
        Self::Interrupted,
        Self::LeaseLost,
        Self::CannotUndo,
        Self::InDoubt,
        Self::WrongMoment,
        Self::JournalCorrupt,
        Self::StoreNewer,
        Self::StoreUnusable,
        Self::RunUnknown,
        Self::ApprovalMismatch,
        Self::ApproverRefused,
    ];

    /// The code as users see it, such as `R0201`.
    pub const fn id(self) -> &'static str {
        self.entry().0
    }

    /// The page that explains it, in Markdown: what it means, likely causes, what to do.
    pub const fn page(self) -> &'static str {
        self.entry().1
    }

    /// Whether it says that a check refused and nothing was touched.
    pub fn is_refusal(self) -> bool {
        self.id().starts_with("R02")
    }

    /// The code with that id, in either case.
    pub fn find(id: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.id().eq_ignore_ascii_case(id))
    }

    // tidy: long, one line for each code.
    const fn entry(self) -> (&'static str, &'static str) {
        match self {
            Self::InvalidFile => ("R0101", include_str!("../../errors/R0101.md")),
            Self::UnknownName => ("R0102", include_str!("../../errors/R0102.md")),
            Self::PromptMissing => ("R0103", include_str!("../../errors/R0103.md")),
            Self::FileUnreadable => ("R0104", include_str!("../../errors/R0104.md")),
            Self::UnknownCode => ("R0105", include_str!("../../errors/R0105.md")),
            Self::SecretUnavailable => ("R0106", include_str!("../../errors/R0106.md")),
            Self::ParameterMissing => ("R0107", include_str!("../../errors/R0107.md")),
            Self::ParameterForbidden => ("R0108", include_str!("../../errors/R0108.md")),
            Self::ProductionAsTarget => ("R0201", include_str!("../../errors/R0201.md")),
            Self::SameDatabase => ("R0202", include_str!("../../errors/R0202.md")),
            Self::OlderTarget => ("R0203", include_str!("../../errors/R0203.md")),
            Self::PrivilegeMissing => ("R0204", include_str!("../../errors/R0204.md")),
            Self::MigrationsDiffer => ("R0205", include_str!("../../errors/R0205.md")),
            Self::MaskUnfit => ("R0206", include_str!("../../errors/R0206.md")),
            Self::ColumnMissing => ("R0207", include_str!("../../errors/R0207.md")),
            Self::TableMissing => ("R0208", include_str!("../../errors/R0208.md")),
            Self::KeptRowsConflict => ("R0209", include_str!("../../errors/R0209.md")),
            Self::KeptRowsDangle => ("R0210", include_str!("../../errors/R0210.md")),
            Self::DeltaUnfit => ("R0211", include_str!("../../errors/R0211.md")),
            Self::SpaceMissing => ("R0212", include_str!("../../errors/R0212.md")),
            Self::ExtensionMissing => ("R0213", include_str!("../../errors/R0213.md")),
            Self::PlanStale => ("R0214", include_str!("../../errors/R0214.md")),
            Self::TargetBusy => ("R0215", include_str!("../../errors/R0215.md")),
            Self::EncodingDiffers => ("R0216", include_str!("../../errors/R0216.md")),
            Self::TargetInUse => ("R0217", include_str!("../../errors/R0217.md")),
            Self::SourceUnreadable => ("R0218", include_str!("../../errors/R0218.md")),
            Self::QueueNotEmpty => ("R0219", include_str!("../../errors/R0219.md")),
            Self::MigrationsInvalid => ("R0220", include_str!("../../errors/R0220.md")),
            Self::CannotConnect => ("R0301", include_str!("../../errors/R0301.md")),
            Self::LoginRefused => ("R0302", include_str!("../../errors/R0302.md")),
            Self::DiskFull => ("R0303", include_str!("../../errors/R0303.md")),
            Self::QueryFailed => ("R0304", include_str!("../../errors/R0304.md")),
            Self::ConnectionLost => ("R0305", include_str!("../../errors/R0305.md")),
            Self::ToolMissing => ("R0306", include_str!("../../errors/R0306.md")),
            Self::CommandFailed => ("R0307", include_str!("../../errors/R0307.md")),
            Self::ConditionUnmet => ("R0308", include_str!("../../errors/R0308.md")),
            Self::DeadlinePassed => ("R0309", include_str!("../../errors/R0309.md")),
            Self::CopyFailed => ("R0310", include_str!("../../errors/R0310.md")),
            Self::ConnectionPooled => ("R0311", include_str!("../../errors/R0311.md")),
            Self::QueueUnreachable => ("R0312", include_str!("../../errors/R0312.md")),
            Self::QueueForbidden => ("R0313", include_str!("../../errors/R0313.md")),
            Self::QueueMissing => ("R0314", include_str!("../../errors/R0314.md")),
            Self::AwsRefused => ("R0315", include_str!("../../errors/R0315.md")),
            Self::MigrationFailed => ("R0316", include_str!("../../errors/R0316.md")),
            Self::ModelsDiffer => ("R0317", include_str!("../../errors/R0317.md")),
            Self::MigratorFailed => ("R0321", include_str!("../../errors/R0321.md")),
            Self::MigratorSilent => ("R0322", include_str!("../../errors/R0322.md")),
            Self::ObjectNotOurs => ("R0401", include_str!("../../errors/R0401.md")),
            Self::VerifyMismatch => ("R0402", include_str!("../../errors/R0402.md")),
            Self::SessionsRemain => ("R0403", include_str!("../../errors/R0403.md")),
            Self::Interrupted => ("R0404", include_str!("../../errors/R0404.md")),
            Self::LeaseLost => ("R0405", include_str!("../../errors/R0405.md")),
            Self::CannotUndo => ("R0406", include_str!("../../errors/R0406.md")),
            Self::InDoubt => ("R0407", include_str!("../../errors/R0407.md")),
            Self::WrongMoment => ("R0408", include_str!("../../errors/R0408.md")),
            Self::JournalCorrupt => ("R0501", include_str!("../../errors/R0501.md")),
            Self::StoreNewer => ("R0502", include_str!("../../errors/R0502.md")),
            Self::StoreUnusable => ("R0503", include_str!("../../errors/R0503.md")),
            Self::RunUnknown => ("R0504", include_str!("../../errors/R0504.md")),
            Self::ApprovalMismatch => ("R0601", include_str!("../../errors/R0601.md")),
            Self::ApproverRefused => ("R0602", include_str!("../../errors/R0602.md")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Code;

    #[test]
    fn every_page_tells_what_it_means_and_what_to_do() {
        for code in Code::ALL {
            let page = code.page();
            assert!(page.starts_with(&format!("# {}: ", code.id())), "{} needs its heading", code.id());
            assert!(page.contains("## What to do"), "{} must say what to do", code.id());
        }
    }

    #[test]
    fn ids_are_unique_and_in_order() {
        assert!(Code::ALL.windows(2).all(|pair| pair[0].id() < pair[1].id()));
    }
}
