//! The folder of a store: what lies where, and who may read it.

use crate::trouble;
use restage_core::Result;
use restage_core::name::JobName;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The database's file in the store's folder.
pub const DATABASE_FILE: &str = "restage.db";

const JOBS: &str = "jobs";
const LEASES: &str = "leases";
/// What a fresh file system has in it.
const NOT_OURS_BUT_HARMLESS: &str = "lost+found";
const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// A store's folder.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    root: PathBuf,
}

impl Folder {
    /// Makes the folder and an empty database, unless they are there. Touches nothing of a store that exists.
    pub(crate) fn ensure(root: &Path) -> Result<Self> {
        let folder = Self { root: root.to_owned() };
        if !folder.database().exists() {
            folder.create().map_err(|error| trouble::folder(root, error))?;
        }
        Ok(folder)
    }

    /// Takes the rights of others away; a folder that belongs to someone else stays as it is, its files are ours.
    pub(crate) fn close_to_others(&self) -> Result<()> {
        let closed = || {
            restrict(&self.root, FOLDER_MODE)?;
            restrict(&self.database(), FILE_MODE)?;
            create_folder(&self.root.join(JOBS))?;
            create_folder(&self.root.join(LEASES))
        };
        closed().map_err(|error| trouble::folder(&self.root, error))
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.root.join(DATABASE_FILE)
    }

    /// Whether SQLite's own journal is there, because the store is in use or its last process was killed.
    pub(crate) fn has_leftovers(&self) -> bool {
        self.root.join(format!("{DATABASE_FILE}-wal")).exists()
    }

    /// Where a job keeps its files; a name that is no plain file name is made one.
    pub(crate) fn job(&self, name: &JobName) -> PathBuf {
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' };
        self.root.join(JOBS).join(name.as_str().chars().map(plain).collect::<String>())
    }

    pub(crate) fn lease(&self, name: &str) -> PathBuf {
        self.root.join(LEASES).join(name)
    }

    fn create(&self) -> io::Result<()> {
        create_folder(&self.root)?;
        self.refuse_strange_folder()?;
        create_file(&self.database())?;
        sync(&self.root)?;
        match self.root.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => sync(parent),
            _ => sync(Path::new(".")),
        }
    }

    /// A folder with other things in it was hardly meant, and closing it to others could hurt them.
    fn refuse_strange_folder(&self) -> io::Result<()> {
        let ours = |name: &str| name.starts_with(DATABASE_FILE) || [JOBS, LEASES, NOT_OURS_BUT_HARMLESS].contains(&name);
        for entry in fs::read_dir(&self.root)? {
            let name = entry?.file_name();
            if !name.to_str().is_some_and(ours) {
                return Err(io::Error::other(format!("it holds no store but other things, such as `{}`", name.display())));
            }
        }
        Ok(())
    }
}

/// Makes a file that only its owner reads; one that exists stays as it is.
pub(crate) fn create_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(FILE_MODE).open(path)
}

fn create_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(path)
}

fn restrict(path: &Path, mode: u32) -> io::Result<()> {
    if fs::metadata(path)?.permissions().mode() & 0o777 == mode {
        return Ok(());
    }
    match fs::set_permissions(path, Permissions::from_mode(mode)) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        result => result,
    }
}

/// Makes new entries of a folder durable.
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
