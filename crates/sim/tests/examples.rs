//! The scenarios of the folders, each tried by the suite: whoever adds a file adds a sample.

use restage_core::document::Source;
use restage_sim::suite::Suite;
use restage_sim::{Variant, samples};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

fn folder(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn source(path: &Path) -> Source {
    let name = path.file_name().expect("a file of a folder has a name").to_string_lossy();
    Source::new(name, std::fs::read_to_string(path).expect("a file of the repository can be read"))
}

fn sources(path: &str) -> Vec<Source> {
    let entries = std::fs::read_dir(folder(path)).expect("a folder of the repository can be read");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a folder of the repository can be read").path()).collect();
    paths.sort();
    paths.iter().map(|path| source(path)).collect()
}

#[test]
fn every_scenario_of_the_folder_is_a_sample() {
    let names: Vec<String> = samples::scenarios().into_iter().map(|sample| sample.name).collect();
    for source in sources("scenarios").iter().filter(|source| source.name != "environments.yaml") {
        assert!(names.iter().any(|name| Some(name.as_str()) == source.stem()), "{} is not among the samples", source.name);
    }
}

#[test]
fn what_init_writes_keeps_every_promise() {
    const ONE_IN: NonZeroUsize = NonZeroUsize::new(5).expect("5 is not 0");
    let environments = source(&folder("../cli/examples/environments.yaml"));
    let scenarios = sources("../cli/examples/scenarios");
    let examples = scenarios.iter().map(|source| samples::of_scenario(source, &scenarios, &environments)).collect();
    let summary = Suite::new(examples, Variant::sound()).enumerate(ONE_IN);
    assert_eq!(summary.failed, 0, "{summary}");
    assert!(summary.trials > 50, "{summary}");
}
