//! The project's folder: environments.yaml and scenarios/.

use crate::fault::Fault;
use restage_core::document::Source;
use restage_core::environment::Environments;
use restage_core::scenario::sql::SqlScript;
use restage_core::scenario::{Family, PromptValues, Scenario, ShadowStage, Stage};
use restage_core::{Code, Error, Result};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The file of environments.
pub(crate) const ENVIRONMENTS: &str = "environments.yaml";
/// The folder of scenarios.
pub(crate) const SCENARIOS: &str = "scenarios";

/// The files of a project, read and not yet understood.
pub(crate) struct Project {
    folder: PathBuf,
    environments: Source,
    scenarios: Vec<Source>,
}

/// A scenario with everything a plan is made of.
pub(crate) struct Prepared {
    pub(crate) environments: Environments,
    pub(crate) family: Family,
    pub(crate) files: BTreeMap<PathBuf, String>,
    /// The scenarios' folder.
    pub(crate) folder: PathBuf,
}

impl Project {
    /// Reads the files.
    pub(crate) fn read(folder: &Path) -> Result<Self, Fault> {
        let environments = source(folder, &folder.join(ENVIRONMENTS))?;
        let scenarios = scenario_paths(folder)?.iter().map(|path| source(folder, path)).collect::<Result<_, _>>()?;
        Ok(Self { folder: folder.to_owned(), environments, scenarios })
    }
    /// The environments alone, for commands that need no scenario.
    pub(crate) fn environments(folder: &Path) -> Result<Environments, Fault> {
        Ok(Environments::parse(&source(folder, &folder.join(ENVIRONMENTS))?)?)
    }
    /// Reports every problem of every file at once.
    pub(crate) fn check(&self) -> Result<usize, Fault> {
        let environments = Environments::parse(&self.environments)?;
        if self.scenarios.is_empty() {
            let folder = self.folder.join(SCENARIOS);
            return Err(Code::UnknownName
                .error(format!("`{}` has no scenarios", folder.display()))
                .help("`restage init` writes an example")
                .into());
        }
        Family::check(&self.scenarios, &environments)?;
        Ok(self.scenarios.len())
    }
    /// Reads one scenario and all that it runs, its prompts answered.
    pub(crate) fn prepare(&self, name: &str, answers: &[String]) -> Result<Prepared, Fault> {
        let environments = Environments::parse(&self.environments)?;
        let Some(root) = self.scenarios.iter().find(|source| source.stem() == Some(name)) else {
            return Err(self.unknown(name).into());
        };
        let values = read_answers(answers)?;
        let family = Family::parse(root, &self.scenarios, &environments, &values)?;
        let mut files = BTreeMap::new();
        for scenario in std::iter::once(&family.root).chain(family.nested.values()) {
            self.read_files(scenario, &mut files)?;
        }
        let folder = self.folder.join(SCENARIOS);
        let folder = folder.canonicalize().map_err(|cause| unreadable(&folder, cause))?;
        Ok(Prepared { environments, family, files, folder })
    }

    fn unknown(&self, name: &str) -> Error {
        let known: Vec<&str> = self.scenarios.iter().filter_map(Source::stem).collect();
        let help = if known.is_empty() {
            "`restage init` writes an example".to_owned()
        } else {
            format!("there is: {}", known.join(", "))
        };
        Code::UnknownName.error(format!("there is no scenario `{name}`")).help(help)
    }

    fn read_files(&self, scenario: &Scenario, files: &mut BTreeMap<PathBuf, String>) -> Result<()> {
        let mut paths = Vec::new();
        scenario.stages.iter().for_each(|stage| stage_files(stage, &mut paths));
        for path in paths {
            let place = self.folder.join(SCENARIOS).join(&path);
            expect_file(&place)?;
            let text = fs::read_to_string(&place).map_err(|cause| unreadable(&place, cause))?;
            files.insert(path, text);
        }
        Ok(())
    }
}

fn read_answers(answers: &[String]) -> Result<PromptValues> {
    let answer = |text: &String| {
        let (name, value) = text.split_once('=').ok_or_else(|| {
            Code::PromptMissing.error(format!("`--set {text}` is no answer to a prompt")).help("write `--set NAME=VALUE`")
        })?;
        Ok((name.to_owned(), value.to_owned()))
    };
    answers.iter().map(answer).collect()
}

fn stage_files(stage: &Stage, paths: &mut Vec<PathBuf>) {
    use restage_core::scenario::copy_database::Replace;
    match stage {
        Stage::Sql(sql) => paths.extend(script_file(&sql.script)),
        Stage::Parallel(stages) => stages.iter().for_each(|stage| stage_files(stage, paths)),
        Stage::CopyDatabase(copy) => {
            if let Replace::Swap(swap) = &copy.replace {
                swap.before.iter().for_each(|stage| shadow_stage_files(stage, paths));
            }
        }
        Stage::Migrate(_) | Stage::Run(_) | Stage::CheckHttp(_) | Stage::WaitFor(_) | Stage::Approve(_) | Stage::Scenario(_) => {}
    }
}

fn shadow_stage_files(stage: &ShadowStage, paths: &mut Vec<PathBuf>) {
    match stage {
        ShadowStage::Sql(sql) => paths.extend(script_file(&sql.script)),
        ShadowStage::Parallel(stages) => stages.iter().for_each(|stage| shadow_stage_files(stage, paths)),
        ShadowStage::Run(_) | ShadowStage::CheckHttp(_) | ShadowStage::WaitFor(_) | ShadowStage::Approve(_) => {}
    }
}

fn script_file(script: &SqlScript) -> Option<PathBuf> {
    match script {
        SqlScript::File(path) => Some(path.clone()),
        SqlScript::Statement(_) => None,
    }
}

fn scenario_paths(folder: &Path) -> Result<Vec<PathBuf>> {
    let folder = folder.join(SCENARIOS);
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(vec![]),
        Err(cause) => return Err(unreadable(&folder, cause)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(|cause| unreadable(&folder, cause))?.path();
        if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn source(folder: &Path, path: &Path) -> Result<Source, Fault> {
    expect_file(path)?;
    let bytes = fs::read(path).map_err(|cause| unreadable(path, cause))?;
    let name = if folder == Path::new(".") { path.strip_prefix(".").unwrap_or(path) } else { path };
    Ok(Source::from_bytes(name.display().to_string(), bytes)?)
}

/// Reading a pipe or device may never end.
fn expect_file(path: &Path) -> Result<()> {
    let found = fs::metadata(path).map_err(|cause| unreadable(path, cause))?;
    if found.is_file() {
        return Ok(());
    }
    Err(Code::FileUnreadable.error(format!("`{}` is not a file", path.display())).help("put a file in its place, or remove it"))
}

fn unreadable(path: &Path, cause: std::io::Error) -> Error {
    let help = if cause.kind() == std::io::ErrorKind::NotFound {
        "name the project's folder with `-C DIR`, or make one with `restage init`"
    } else {
        "make the file readable"
    };
    Code::FileUnreadable.error(format!("cannot read `{}`", path.display())).help(help).because(cause)
}
