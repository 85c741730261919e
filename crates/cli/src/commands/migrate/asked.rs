//! From the words of the command line to a configuration.

use super::misconfigured;
use crate::args::Common;
use crate::args::migrate::{Scripts, Which};
use crate::fault::Fault;
use crate::project::Project;
use crate::screen::Screen;
use restage_core::document::{Problems, Source, did_you_mean};
use restage_core::environment::{
    AwsEndpoint, AwsPlace, AwsRegion, DatabaseAddress, Environments, ParameterName, ParameterPath, SecretRef,
};
use restage_core::name::{DatabaseName, EnvironmentName};
use restage_core::plan::Refusals;
use restage_core::signal::ExitStatus;
use restage_core::{Code, Error, Result};
use restage_migrate::settings::flyway;
use restage_providers::aws::Aws;
use restage_providers::migrator::stop::Stop;
use restage_providers::migrator::{Access, Configuration, Ended, Resolved, Sources};
use restage_providers::secrets::Secrets;
use std::path::{Path, PathBuf};

/// Variables that may hold the password of `--url`; the first one that is set counts.
const PASSWORDS: [&str; 3] = ["RESTAGE_MIGRATE_PASSWORD", "PGPASSWORD", "FLYWAY_PASSWORD"];
/// What Flyway calls the environment if nothing else is said.
const FLYWAYS_ENVIRONMENT: &str = "default";
/// What errors call the settings that were typed.
const TYPED: &str = "the command line";

/// What was asked for.
pub(super) struct Asked {
    pub(super) configuration: Configuration,
    /// How people call the database.
    pub(super) name: String,
    stakes: Stakes,
}

/// What a slip of the fingers would cost.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stakes {
    Production,
    Other,
}

/// What reaches servers and AWS.
pub(super) fn access(aws: &Aws) -> Access {
    Access::new(aws.clone(), Secrets::default())
}

impl Asked {
    /// Reads everything that was typed.
    pub(super) fn read(common: &Common, which: &Which, scripts: Option<&Scripts>, models: Option<&Path>) -> Result<Self, Fault> {
        let place = place(which)?;
        let (name, environment, mut address, stakes) = database(common, which)?;
        let mut password = None;
        match which.password_from.as_deref().map(secret).transpose()? {
            Some(From::Secret(secret)) => address.password = Some(secret),
            Some(From::Parameter(parameter)) => password = Some(parameter),
            None => {}
        }
        let sources = scripts.map(sources).transpose()?.unwrap_or_default();
        let models = models.map(Path::to_owned);
        Ok(Self { configuration: Configuration { address, password, environment, sources, place, models }, name, stakes })
    }

    /// The same with every reference followed, for commands that end as soon as one cannot be.
    pub(super) async fn resolved(
        common: &Common,
        screen: Screen,
        access: &Access,
        which: &Which,
        scripts: &Scripts,
        models: Option<&Path>,
    ) -> Result<(Self, Resolved), Ended> {
        let asked = Self::read(common, which, Some(scripts), models).map_err(misconfigured)?;
        let resolved = asked.configuration.resolve(access).await;
        let resolved = resolved.map_err(|errors| Ended::by(ExitStatus::InvalidConfiguration, errors))?;
        unused(&resolved.unused, screen);
        Ok((asked, resolved))
    }

    /// Whether the database may be changed: production only if somebody says so. Who is asked to stop before that may go on:
    /// all work looks at `stop` first.
    pub(super) async fn may_change(&self, screen: Screen, yes: bool, stop: &Stop) -> Result<()> {
        if yes || self.stakes == Stakes::Other {
            return Ok(());
        }
        let name = &self.name;
        if !screen.has_person() {
            let error = Code::WrongMoment.error(format!("`{name}` is production, and there is nobody to ask whether to change it"));
            return Err(error.help("add `--yes` to change it without asking"));
        }
        match screen.agrees_before(&format!("`{name}` is production. Change it?"), stop.asked()).await {
            Some(true) | None => Ok(()),
            Some(false) => {
                let error = Code::WrongMoment.error(format!("nobody agreed to change `{name}`; nothing was touched"));
                Err(error.help("run again when it may be changed"))
            }
        }
    }
}

/// Names settings that mean nothing here: who has set them may think otherwise.
pub(super) fn unused(keys: &[String], screen: Screen) {
    if !keys.is_empty() {
        screen.talk_folded(&format!("settings of Flyway that mean nothing here: {}", keys.join(", ")), 0, 2);
    }
}

/// Where AWS is asked.
pub(super) fn place(which: &Which) -> Result<AwsPlace> {
    let region = which.region.as_deref().map(AwsRegion::parse).transpose().map_err(wrong)?;
    let endpoint = which.endpoint.as_deref().map(AwsEndpoint::parse).transpose().map_err(wrong)?;
    Ok(AwsPlace { region, endpoint })
}

/// The error of something typed.
pub(super) fn wrong(message: String) -> Error {
    Code::InvalidFile.error(message).help("correct it on the command line; `restage migrate --help` tells how it is written")
}

fn database(common: &Common, which: &Which) -> Result<(String, String, DatabaseAddress, Stakes), Fault> {
    match (&which.database, &which.url) {
        (Some(text), _) => named(common, text),
        (None, Some(url)) => {
            let address = by_url(url)?;
            Ok((address.to_string(), FLYWAYS_ENVIRONMENT.to_owned(), address, Stakes::Other))
        }
        (None, None) => Err(wrong("no database is named".to_owned()).into()),
    }
}

fn named(common: &Common, text: &str) -> Result<(String, String, DatabaseAddress, Stakes), Fault> {
    let (environment, name) =
        text.split_once('/').ok_or_else(|| wrong(format!("`{text}` names no database: write `ENVIRONMENT/NAME`")))?;
    let environments = Project::environments(&common.directory)?;
    let unknown = |what: String, help: Option<String>| {
        let error = Code::UnknownName.error(what);
        Fault::from(match help {
            Some(help) => error.help(help),
            None => error.help("add it to environments.yaml"),
        })
    };
    let key = EnvironmentName::parse(environment).map_err(wrong)?;
    let names: Vec<&str> = environments.iter().map(|(name, _)| name.as_str()).collect();
    let known = environments.get(&key).ok_or_else(|| {
        unknown(
            format!("there is no environment `{environment}`"),
            did_you_mean(environment, "the environments", names.iter().copied()),
        )
    })?;
    let key = DatabaseName::parse(name).map_err(wrong)?;
    let names: Vec<&str> = known.databases.keys().map(DatabaseName::as_str).collect();
    let address = known.databases.get(&key).ok_or_else(|| {
        let what = format!("`{environment}` has no database `{name}`");
        unknown(what, did_you_mean(name, "the databases", names.iter().copied()))
    })?;
    let stakes = if known.is_production() { Stakes::Production } else { Stakes::Other };
    Ok((text.to_owned(), environment.to_owned(), address.clone(), stakes))
}

fn by_url(url: &str) -> Result<DatabaseAddress, Fault> {
    let url = url.strip_prefix("jdbc:").unwrap_or(url);
    let variable = PASSWORDS.into_iter().find(|name| std::env::var_os(name).is_some());
    let password = variable.map(|name| format!(", password: {{ env: {name} }}")).unwrap_or_default();
    let text =
        format!("environments: {{ url: {{ databases: {{ url: {{ url: {}{password} }} }} }} }}", serde_json::Value::from(url));
    let environments = Environments::parse(&Source::new("--url", text)).map_err(|problems| mistyped(&problems))?;
    let found = environments.iter().next().and_then(|(_, environment)| environment.databases.values().next().cloned());
    found.ok_or_else(|| wrong(format!("`{url}` names no database")).into())
}

/// What is wrong with an address that was typed: there is no file to correct, and the password has an option of its own.
fn mistyped(problems: &Problems) -> Fault {
    let errors = problems.iter().map(|problem| {
        let error = Code::InvalidFile.error(format!("`--url`: {}", problem.message));
        match &problem.help {
            _ if problem.message.contains("password") => error
                .help("take it out, change it, and say where the new one is with `--password-from` or RESTAGE_MIGRATE_PASSWORD"),
            Some(help) => error.help(help),
            None => error,
        }
    });
    Fault::Refused(Refusals(errors.collect()))
}

/// Where a password is.
enum From {
    Secret(SecretRef),
    Parameter(ParameterName),
}

fn secret(text: &str) -> Result<From> {
    match text.split_once(':') {
        Some(("env", name)) if !name.is_empty() => Ok(From::Secret(SecretRef::Env(name.to_owned()))),
        Some(("file", path)) if !path.is_empty() => Ok(From::Secret(SecretRef::File(PathBuf::from(path)))),
        Some(("ssm", name)) => ParameterName::parse(name).map(From::Parameter).map_err(wrong),
        // The text may well be the password itself.
        _ => Err(wrong("`--password-from` says not where the password is: write `env:NAME`, `file:PATH` or `ssm:NAME`".to_owned())),
    }
}

fn sources(scripts: &Scripts) -> Result<Sources> {
    let pairs = |texts: &[String], option: &str, prefix: &str| {
        let pair = |text: &String| {
            let (key, value) = text.split_once('=').ok_or_else(|| wrong(format!("`{option} {text}` has no `=`")))?;
            Ok((format!("{prefix}{key}"), value.to_owned()))
        };
        texts.iter().map(pair).collect::<Result<Vec<_>>>()
    };
    let mut values = pairs(&scripts.settings, "--set", "")?;
    values.extend(pairs(&scripts.placeholders, "--placeholder", "placeholders.")?);
    values.extend(scripts.target.iter().map(|target| ("target".to_owned(), target.clone())));
    let parameters = scripts.parameters.iter().map(|path| ParameterPath::parse(path)).collect::<Result<_, _>>().map_err(wrong)?;
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    Ok(Sources {
        usual_files: flyway::default_files(&home, Path::new("")),
        files: scripts.config.clone(),
        parameters,
        variables: std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect(),
        values,
        values_from: TYPED,
        locations: scripts.location.clone(),
        folder: PathBuf::new(),
    })
}
